-- What happened to each order's money on the asked basis, in order, with the balance it left. An event that moves nothing
-- (shipping, when net is asked) is left out. Events of one moment go by their entry.
WITH entries AS (
    SELECT
        m.order_id,
        m.is_counted,
        l.currency,
        l.entry,
        l.event,
        MIN(l.happened_at) AS event_at,
        CAST(SUM(l.amount_minor) AS BIGINT) AS amount_minor
    FROM money_orders AS m
    JOIN order_ledger AS l ON l.order_key = m.order_key
    WHERE /*parts*/
    GROUP BY m.order_id, m.is_counted, l.currency, l.entry, l.event
    HAVING SUM(l.amount_minor) <> 0
)
SELECT
    n.order_id,
    n.is_counted,
    n.currency,
    n.entry,
    n.event,
    n.event_at,
    n.amount_minor,
    ROW_NUMBER() OVER (PARTITION BY n.order_id, n.currency ORDER BY n.event_at, n.entry, n.event) AS event_number,
    CAST(SUM(n.amount_minor) OVER (
        PARTITION BY n.order_id, n.currency
        ORDER BY n.event_at, n.entry, n.event
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS BIGINT) AS after_minor
FROM entries AS n
