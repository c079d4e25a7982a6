-- One row per person, period, metric and version of a batch, of a fixed length, so that rows become arrays as they are:
-- NULL is NaN, and the person's id its 16 bytes in the order people write them.
SELECT
    toUInt8(indexOf(%(asked_metrics)s, metric)) AS metric_place,
    toUInt8(version),
    toInt32(period_day),
    toFixedString(unhex(replaceAll(toString(person_id), '-', '')), 16),
    ifNull(toFloat64(value), nan),
    ifNull(toFloat64(numerator), nan),
    ifNull(toFloat64(denominator), nan),
    toInt64(sample_n),
    if(empty(by_timeout), nan, toFloat64(by_timeout[1])),
    if(empty(by_timeout), nan, toFloat64(by_timeout[2])),
    if(empty(by_timeout), nan, toFloat64(by_timeout[3]))
FROM ({values})
SETTINGS {settings}
FORMAT RowBinary
