"""ClickHouse: one client, tables in their three renderings, days replaced at once."""
