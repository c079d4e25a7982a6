-- One person of the page in order, nobody last; beside each how many people there are and how many events do not fit.
SELECT user, user_count, skipped_count
FROM (
    SELECT user, fitting_count, sum(fitting_count > 0) OVER () AS user_count, sum(misfit_count) OVER () AS skipped_count
    FROM (SELECT user, countIf(fits) AS fitting_count, countIf(NOT fits) AS misfit_count FROM ({typed}) GROUP BY user)
)
WHERE fitting_count > 0
ORDER BY user = '', user
LIMIT %(limit)s OFFSET %(offset)s
