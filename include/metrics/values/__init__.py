"""From user-days to values: one query for all metrics, versions and periods that are asked for."""
