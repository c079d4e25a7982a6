"""Routes of apps: create, show, change, the events they know, and their keys."""
