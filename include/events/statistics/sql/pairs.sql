-- One person and column with a partial aggregate; the events of all that do not fit are one pair of nobody, fits = 0.
SELECT fits, if(fits, user, '') AS user, if(fits, column, '') AS column, count() AS event_count, {state} AS state
FROM ({typed})
GROUP BY fits, user, column
