"""Projects: apps with their owners, their rules for events, and what of them a process remembers."""
