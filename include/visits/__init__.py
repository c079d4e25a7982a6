"""Visits of a day: slot features, rule 180-5-5, models, decisions, export."""
