"""How people see learning metrics: values of a person, figures of a course, comparisons, and what was restated."""
