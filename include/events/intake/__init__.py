"""Taking in batches of events: everything of a batch becomes durable in one transaction, or nothing does."""
