-- One event of the question: person, column, value. An event that does not fit the types of today is kept with
-- fits = 0, so that it can be counted.
SELECT user, {column} AS column, {value} AS value, {fits} AS fits
FROM (SELECT *{typed} FROM ({events}))
WHERE {conditions}
