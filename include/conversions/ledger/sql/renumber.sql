UPDATE conversions AS stored
SET line_number = numbered.line_number
FROM (
    SELECT conversion_id, row_number() OVER (ORDER BY line_number) AS line_number
    FROM conversions WHERE upload_id = :upload_id
) AS numbered
WHERE stored.conversion_id = numbered.conversion_id AND stored.line_number <> numbered.line_number
