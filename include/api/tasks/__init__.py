"""Scoring and conversion tasks over HTTP: routes, rows, views."""
