"""What verify-day compares, one kind of stored thing per module."""
