-- One row: how many events do not fit; asked when no event does.
SELECT countIf(NOT fits) AS skipped_count
FROM ({typed})
