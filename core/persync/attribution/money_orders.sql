-- The orders whose money counts: one row an order (and won deal), seen by the system its money is taken from.
-- What its seller deleted is in none of its totals any longer, so it is left out here, too.
-- is_counted: 0 for orders left out of counts (cancelled, voided, expired, fully refunded); their ledger still counts.
SELECT
    f.order_id,
    o.order_key,
    o.connection,
    COALESCE(o.ordered_at, l.first_at) AS ordered_at,
    COALESCE(l.currency, o.currency) AS currency,
    o.total_minor,
    CASE
        WHEN o.cancelled_at IS NOT NULL OR o.status IN ('cancelled', 'voided', 'expired', 'refunded') THEN 0
        WHEN l.sold_minor > 0 AND l.gross_minor <= 0 THEN 0
        ELSE 1
    END AS is_counted
FROM orders AS o
JOIN order_of AS f ON f.order_key = o.order_key
LEFT JOIN (
    SELECT
        e.order_key,
        MIN(e.happened_at) AS first_at,
        MIN(e.currency) AS currency,
        CAST(SUM(e.amount_minor) AS BIGINT) AS gross_minor,
        CAST(SUM(CASE WHEN e.event = 'sale' THEN e.amount_minor ELSE 0 END) AS BIGINT) AS sold_minor
    FROM order_ledger AS e
    GROUP BY e.order_key
) AS l ON l.order_key = o.order_key
WHERE f.is_money_source = 1
    AND COALESCE(o.is_test, 0) = 0
    AND COALESCE(o.status, '') <> 'deleted'
    AND (COALESCE(o.kind, 'order') <> 'deal' OR o.status = 'won')
