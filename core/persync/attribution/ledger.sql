-- The wide credit ledger; ledger.py puts a column a model where a word stands in a comment of its own.
WITH entries AS (
    SELECT
        m.order_id,
        m.order_key,
        m.ordered_at,
        m.is_counted,
        l.currency,
        l.entry,
        l.event,
        MIN(l.happened_at) AS event_at,
        CAST(SUM(l.amount_minor) AS BIGINT) AS amount_minor
    FROM money_orders AS m
    JOIN order_ledger AS l ON l.order_key = m.order_key
    WHERE /*parts*/
    GROUP BY m.order_id, m.order_key, m.ordered_at, m.is_counted, l.currency, l.entry, l.event
    HAVING SUM(l.amount_minor) <> 0
),
balances AS (
    SELECT
        n.*,
        ROW_NUMBER() OVER (PARTITION BY n.order_id, n.currency ORDER BY n.event_at, n.entry, n.event) AS event_number,
        CAST(SUM(n.amount_minor) OVER (
            PARTITION BY n.order_id, n.currency
            ORDER BY n.event_at, n.entry, n.event
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS BIGINT) AS after_minor
    FROM entries AS n
),
events AS (
    SELECT
        b.order_id,
        b.order_key,
        b.ordered_at,
        b.is_counted,
        b.event_number,
        b.entry,
        b.event,
        b.event_at,
        b.currency,
        b.amount_minor,
        ABS(b.after_minor) AS after_size,
        CASE WHEN b.after_minor < 0 THEN -1 ELSE 1 END AS after_sign,
        ABS(b.after_minor - b.amount_minor) AS before_size,
        CASE WHEN b.after_minor < b.amount_minor THEN -1 ELSE 1 END AS before_sign
    FROM balances AS b
),
raws AS (
    SELECT
        j.order_id,
        j.position,
        j.length,
        j.person,
        j.connection,
        j.campaign_key,
        j.campaign_id,
        j.action,
        j.happened_at,
        j.channel,
        j.is_email,
        /*weights*/
    FROM journeys AS j
),
tops AS (
    SELECT
        r.order_id,
        /*tops*/
    FROM raws AS r
    GROUP BY r.order_id
),
wholes AS (
    SELECT
        r.order_id,
        r.position,
        r.length,
        r.person,
        r.connection,
        r.campaign_key,
        r.campaign_id,
        r.action,
        r.happened_at,
        r.channel,
        r.is_email,
        /*wholes*/
    FROM raws AS r
    JOIN tops AS t ON t.order_id = r.order_id
),
summed AS (
    SELECT
        h.*,
        /*sums*/
    FROM wholes AS h
),
totals AS (
    SELECT
        h.order_id,
        COUNT(*) AS touches,
        /*totals*/
    FROM wholes AS h
    GROUP BY h.order_id
),
-- is_small: the greatest balance times the sum of weights stays below 2^63, so 64 bits hold every product.
posts AS (
    SELECT
        e.*,
        s.touches,
        CASE WHEN CAST(GREATEST(e.after_size, e.before_size) AS DOUBLE) * /*greatest*/ < 9e18 THEN 1 ELSE 0 END AS is_small,
        /*carried*/
    FROM events AS e
    LEFT JOIN totals AS s ON s.order_id = e.order_id
)
SELECT
    e.order_id,
    e.order_key,
    e.ordered_at,
    e.is_counted,
    e.event_number,
    e.entry,
    e.event,
    e.event_at,
    e.currency,
    e.amount_minor,
    w.position,
    w.length,
    w.person,
    w.connection,
    w.campaign_key,
    w.campaign_id,
    w.action,
    w.happened_at AS touch_at,
    w.channel,
    w.is_email,
    '' AS reason,
    /*credits*/
FROM posts AS e
JOIN summed AS w ON w.order_id = e.order_id
UNION ALL
SELECT
    e.order_id,
    e.order_key,
    e.ordered_at,
    e.is_counted,
    e.event_number,
    e.entry,
    e.event,
    e.event_at,
    e.currency,
    e.amount_minor,
    0 AS position,
    0 AS length,
    CAST(NULL AS BIGINT) AS person,
    CAST(NULL AS BIGINT) AS connection,
    CAST(NULL AS BIGINT) AS campaign_key,
    CAST(NULL AS BIGINT) AS campaign_id,
    CAST(NULL AS BIGINT) AS action,
    CAST(NULL AS BIGINT) AS touch_at,
    '' AS channel,
    0 AS is_email,
    CASE WHEN e.touches IS NULL THEN 'no_touch' ELSE 'no_weight' END AS reason,
    /*rests*/
FROM posts AS e
WHERE e.touches IS NULL OR /*weightless*/
