"""The engines and the Airflow of one machine, started as child processes below one folder."""
