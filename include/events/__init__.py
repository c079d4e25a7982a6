"""Events: apps and schemas, intake, inbox, loading, quarantine, statistics."""
