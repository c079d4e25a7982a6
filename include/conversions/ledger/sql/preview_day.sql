-- One row: what is to be sent (new, or left prepared by an interrupted run), held, already at Metrika.
SELECT
    count(*) FILTER (WHERE decided.position IS NOT NULL OR uploads.stage = :prepared) AS to_send_count,
    count(*) FILTER (WHERE decided.reason <> '') AS held_count,
    count(*) FILTER (WHERE decided.is_settled AND uploads.stage <> :prepared) AS already_sent_count
FROM decided
LEFT JOIN conversions AS ledger USING (conversion_id)
LEFT JOIN conversion_uploads AS uploads USING (upload_id)
