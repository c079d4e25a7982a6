-- One row per course, person and day: what was done until then, and whether the person came back n days after the first.
CREATE OR REPLACE TABLE history AS
WITH
first_done AS (
    SELECT course_id, person_id, item, min(day) AS day
    FROM (SELECT course_id, person_id, day, unnest(done_items) AS item FROM parts)
    WHERE item IN (SELECT unnest($required::VARCHAR[]))
    GROUP BY ALL
),
new_items AS (
    SELECT course_id, person_id, day, count(*) AS new_count FROM first_done GROUP BY ALL
),
firsts AS (
    SELECT course_id, person_id, min(day) AS d0 FROM parts GROUP BY ALL
),
returns AS (
    SELECT course_id, person_id, d0, bool_or(day = d0 + $n) AS is_back
    FROM parts JOIN firsts USING (course_id, person_id)
    GROUP BY ALL
)
SELECT course_id, person_id, day, d0, is_back,
    sum(coalesce(new_count, 0)) OVER (PARTITION BY course_id, person_id ORDER BY day) AS done_count
FROM parts
LEFT JOIN new_items USING (course_id, person_id, day)
JOIN returns USING (course_id, person_id)
