-- What happened to each order's money on the asked basis, in order, with the balance it left. An event that moves nothing
-- (shipping, when net is asked) is left out. Events of one moment go by their entry.
WITH entries AS (
    SELECT
        l.order_key,
        l.entry,
        l.currency,
        MIN(l.event) AS event,
        MIN(l.happened_at) AS event_at,
        CAST(SUM(l.amount_minor) AS BIGINT) AS amount_minor
    FROM order_ledger AS l
    WHERE /*parts*/
    GROUP BY l.order_key, l.entry, l.currency
    HAVING SUM(l.amount_minor) <> 0
)
SELECT
    m.order_id,
    m.is_counted,
    n.currency,
    n.entry,
    n.event,
    n.event_at,
    n.amount_minor,
    ROW_NUMBER() OVER (PARTITION BY m.order_id, n.currency ORDER BY n.event_at, n.entry) AS event_number,
    CAST(SUM(n.amount_minor) OVER (
        PARTITION BY m.order_id, n.currency
        ORDER BY n.event_at, n.entry
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS BIGINT) AS after_minor
FROM entries AS n
JOIN money_orders AS m ON m.order_key = n.order_key
