#!/bin/sh
# Prepares both databases of PostgreSQL, the first user and the pool; running it again changes nothing.
set -eu

airflow db migrate
airflow fab-db migrate
airflow users create --role Admin --username "$ADMIN_USER" --password "$ADMIN_PASSWORD" \
    --email "$ADMIN_EMAIL" --firstname Counterflow --lastname Admin
airflow pools set metrika_api 3 "Tasks that talk to Yandex Metrika: three requests at once per account"

# With both engines given by address this starts nothing and brings the product's database up to date.
python -m include services up
