"""Commands about apps, one per file; ``app.py`` puts the group together."""
