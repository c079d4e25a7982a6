"""Commands about learning metrics."""
