"""A day of raw logs into ClickHouse: parts, dialect, quarantine, digest, swap."""
