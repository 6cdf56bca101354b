-- One row an order placed in the period, in one currency: what its seller says and what its ledger holds.
-- email_touched: 1 when somebody on the order clicked or came by e-mail within the look-back.
SELECT
    m.order_id,
    COALESCE(n.name, '') AS connection,
    COALESCE(NULLIF(k.shop_order_name, ''), k.vendor_order_id) AS name,
    m.is_counted,
    m.total_minor,
    COALESCE(l.gross_minor, 0) AS gross_minor,
    COALESCE(l.net_minor, 0) AS net_minor,
    CASE WHEN e.order_id IS NULL THEN 0 ELSE 1 END AS email_touched
FROM money_orders AS m
LEFT JOIN connections AS n ON n.connection = m.connection
LEFT JOIN order_keys AS k ON k.order_key = m.order_key
LEFT JOIN (
    SELECT
        s.order_key,
        CAST(SUM(s.amount_minor) AS BIGINT) AS gross_minor,
        CAST(SUM(CASE WHEN s.part IN ('product', 'adjustment') THEN s.amount_minor ELSE 0 END) AS BIGINT) AS net_minor
    FROM order_ledger AS s
    WHERE s.currency = :currency
    GROUP BY s.order_key
) AS l ON l.order_key = m.order_key
LEFT JOIN (
    SELECT DISTINCT j.order_id FROM journeys AS j WHERE j.is_email = 1 AND j.is_touch = 1
) AS e ON e.order_id = m.order_id
WHERE m.currency = :currency AND m.ordered_at >= :period_from AND m.ordered_at < :period_to
