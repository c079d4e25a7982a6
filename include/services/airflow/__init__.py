"""Airflow of one machine: settings, start, client of its API."""
