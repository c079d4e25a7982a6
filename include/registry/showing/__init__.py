"""Versions, cards and history for people: as JSON, as tables, as a page."""
