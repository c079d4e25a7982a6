-- One row: how many activities there are.
SELECT count() FROM {table} FINAL WHERE {conditions}
