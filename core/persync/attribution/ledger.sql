-- The wide credit ledger: one row an order, ledger event and touch. ledger.py puts a column a model where a word stands in a
-- comment of its own; `word` is the channel's number in words. What happened at the event is in ledger_events, what the touch
-- was in journeys (order_id, position).
WITH raws AS (
    SELECT
        j.order_id,
        j.position,
        j.is_touch,
        j.connection,
        j.campaign_key,
        j.word,
        /*touched_in*/
        /*weights*/
    FROM journeys AS j /*touches*/
),
wholes AS (
    SELECT
        r.order_id,
        r.position,
        r.is_touch,
        r.connection,
        r.campaign_key,
        r.word,
        /*touched_by*/
        /*wholes*/
    FROM raws AS r
    /*tops*/
),
summed AS (
    SELECT
        h.*
        /*sums*/
    FROM wholes AS h
),
totals AS (
    SELECT
        h.order_id,
        CAST(SUM(h.is_touch) AS BIGINT) AS touches,
        /*totals*/
    FROM wholes AS h
    GROUP BY h.order_id
),
-- is_small: the greatest balance times the sum of weights stays below 2^63, so 64 bits hold every product.
posts AS (
    SELECT
        e.order_id,
        e.is_counted,
        e.currency,
        e.event_number,
        e.event_at,
        e.amount_minor,
        ABS(e.after_minor) AS after_size,
        CASE WHEN e.after_minor < 0 THEN -1 ELSE 1 END AS after_sign,
        ABS(e.after_minor - e.amount_minor) AS before_size,
        CASE WHEN e.after_minor < e.amount_minor THEN -1 ELSE 1 END AS before_sign,
        CASE
            WHEN CAST(GREATEST(ABS(e.after_minor), ABS(e.after_minor - e.amount_minor)) AS DOUBLE) * /*greatest*/ < 9e18 THEN 1
            ELSE 0
        END AS is_small,
        s.touches,
        /*carried*/
    FROM ledger_events AS e /*asked*/
    LEFT JOIN totals AS s ON s.order_id = e.order_id
)
SELECT
    e.order_id,
    e.is_counted,
    e.currency,
    e.event_number,
    e.event_at,
    w.position,
    w.connection,
    w.campaign_key,
    w.word,
    /*touched*/
    /*turned*/
    '' AS reason,
    /*credits*/
FROM posts AS e
JOIN summed AS w ON w.order_id = e.order_id
UNION ALL
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
    CASE WHEN COALESCE(e.touches, 0) = 0 THEN 'no_touch' ELSE 'no_weight' END AS reason,
    /*rests*/
FROM posts AS e
/*orders*/
WHERE e.touches IS NULL OR /*weightless*/
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
    /*baselines*/
FROM posts AS e
/*orders*/
WHERE /*any*/
