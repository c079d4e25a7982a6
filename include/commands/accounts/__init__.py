"""``accounts``: people who sign in, and the keys of apps; one file per command."""
