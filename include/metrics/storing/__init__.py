"""Values of the metrics in PostgreSQL: slices, the values in them, and what changed after a period was closed."""
