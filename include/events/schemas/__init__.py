"""What a project says its events look like: names, typed attributes, versions, and the check of each event."""
