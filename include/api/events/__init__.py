"""Routes of event intake: sending events, receipts, quarantine."""
