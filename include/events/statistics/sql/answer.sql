-- One person of the page and column, from a single reading of the events: pairs get the places of their column and of
-- their person, then those of columns beyond the largest are joined into one, from their partial aggregates. Pairs of
-- people off the page are joined per column, so that every large column is named. Beside each row: how many columns
-- and people there are in all, and how many events do not fit. Nobody comes last.
SELECT
    user_place > %(offset)s AND user_place <= %(offset)s + %(limit)s AS is_shown,
    if(is_shown, user_place, 0) AS shown_place, if(is_shown, user, '') AS shown_user,
    least(column_place, %(top_count)s + 1) AS shown_column_place,
    if(column_place <= %(top_count)s, column, %(other)s) AS shown_column,
    {answer} AS answer, any(column_count), any(user_count), any(skipped_count)
FROM (
    SELECT *, max(column_place) OVER () AS column_count, max(user_place) OVER () AS user_count
    FROM (
        SELECT *,
            dense_rank() OVER (ORDER BY isNull(size), size DESC, column) AS column_place,
            dense_rank() OVER (ORDER BY user = '', user) AS user_place
        FROM (
            SELECT *, abs({size}) AS size
            FROM (SELECT *, sumIf(event_count, NOT fits) OVER () AS skipped_count FROM ({pairs}))
            WHERE fits
        )
    )
)
WHERE is_shown OR column_place <= %(top_count)s
GROUP BY is_shown, shown_place, shown_user, shown_column_place, shown_column
