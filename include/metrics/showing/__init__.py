"""How learning metrics look to people: the page inside Airflow, made of what was read, with nothing read here."""
