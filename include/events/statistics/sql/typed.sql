-- One event of the question: person, value of the grouping attribute as text, value. An event that does not fit the types of today is kept with
-- fits = 0, so that it can be counted.
SELECT user, {name} AS name, {value} AS value, {fits} AS fits
FROM (SELECT *{typed} FROM ({events}))
WHERE {conditions}
