-- Grain: one row per person of the course. Meaning: for each required item that was ever done, the day it first was.
SELECT person_id, groupArray(done_day) AS done_days
FROM (
    SELECT person_id, item, min(toUInt16(day)) AS done_day
    FROM ({done}) AS done ARRAY JOIN done_items AS item
    WHERE item IN %(required)s
    GROUP BY person_id, item
)
GROUP BY person_id
