-- One person and value of the grouping attribute with a partial aggregate; the events of all that do not fit are one
-- pair of nobody, fits = 0. Values get the names of their columns here, once per pair.
SELECT fits, user, {column} AS column, event_count, state
FROM (
    SELECT fits, if(fits, user, '') AS user, if(fits, name, NULL) AS name, count() AS event_count, {state} AS state
    FROM ({typed})
    GROUP BY fits, user, name
)
