"""ClickHouse and PostgreSQL of one machine, from their wheels."""
