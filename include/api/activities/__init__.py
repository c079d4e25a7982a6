"""Routes that read activities; recording one is a route of events."""
