"""Routes of people who sign in, and of the courses they teach."""
