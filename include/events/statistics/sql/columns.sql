-- One value of the grouping attribute over everybody, the largest aggregates first.
SELECT column, {aggregate} AS answer
FROM ({typed})
WHERE fits
GROUP BY column
ORDER BY abs(answer) DESC NULLS LAST, column
LIMIT %(column_limit)s
