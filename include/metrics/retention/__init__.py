"""Retention curves: how many of those who began together come back, day after day."""
