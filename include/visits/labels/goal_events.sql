-- Times at which a goal was reached in the visits of a counter that may decide about one day.
SELECT client_id, visit_id, reached.2 AS occurred_at
FROM
(
    SELECT client_id, visit_id, arrayJoin(arrayZip(goal_ids, goal_at)) AS reached
    FROM visits
    WHERE counter_id = %(counter_id)s AND date BETWEEN %(day)s AND %(last_day)s
        AND length(goal_ids) = length(goal_at) AND has(goal_ids, %(goal_id)s)
)
WHERE reached.1 = %(goal_id)s
