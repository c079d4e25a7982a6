-- Airflow's metadata beside the product's state, in a database of its own. Runs once, on an empty volume.
CREATE DATABASE airflow;
