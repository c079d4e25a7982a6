"""Days, weeks, months and free periods of a course, in its zone."""
