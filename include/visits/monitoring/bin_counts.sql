-- Visits by feature, day and bin; a bin is the number of edges that the value lies above.
-- %(features)s and %(edges)s run side by side.
SELECT
    feature,
    date,
    arrayCount(edge -> value > edge, arrayElement(%(edges)s, indexOf(%(features)s, feature))) AS bin,
    count() AS visit_count,
    sum(value) AS value_sum
FROM ({values})
WHERE has(%(features)s, feature)
GROUP BY feature, date, bin
ORDER BY feature, date, bin
