-- What is known of the labels of a window: changes when a label is added, changed or taken away.
SELECT count(), sum(cityHash64(date, visit_id, source, label))
FROM visit_labels
WHERE counter_id = %(counter_id)s AND date BETWEEN %(first_day)s AND %(day)s
