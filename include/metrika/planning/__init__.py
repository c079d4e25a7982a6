"""Backfills foretold and held against what they took."""
