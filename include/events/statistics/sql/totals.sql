-- One row: how many people there are, and how many events do not fit; asked when a page is empty.
SELECT uniqExactIf(user, fits) AS user_count, countIf(NOT fits) AS skipped_count
FROM ({typed})
