"""``visits``: labels, models and what they would have decided; one file per command."""
