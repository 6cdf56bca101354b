UNION ALL
-- What would have come without any touch, by the calibrated models.
SELECT
    e.order_id,
    e.is_counted,
    e.currency,
    e.event_number,
    e.event_at,
    0 AS position,
    CAST(NULL AS BIGINT) AS connection,
    CAST(NULL AS BIGINT) AS campaign_key,
    CAST(NULL AS BIGINT) AS word,
    /*placed*/
    /*turned*/
    'baseline' AS reason,
    /*credits*/
FROM posts AS e
/*orders*/
WHERE /*any*/
