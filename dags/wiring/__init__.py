"""What the DAG files share: connections, the day of a run, retries, units of work."""
