-- One person of the page and column; values that have no column of their own are aggregated together, from the events.
SELECT user, {folded} AS folded_column, {aggregate} AS answer
FROM ({typed})
WHERE fits AND {page}
GROUP BY user, folded_column
