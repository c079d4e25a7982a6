"""The HTTP surface: one FastAPI app, denied by default, free of Airflow."""
