-- What claims are held against: one row an order in the currency, with what it comes to on the asked basis (actual_minor), with
-- all its parts (gross_minor), what was given back of it and added to it since the sale (refunded_minor and added_minor, neither
-- negative), and whether it was placed in the period or within a day of its ends (is_near).
SELECT
    m.order_id,
    m.connection,
    m.ordered_at,
    CASE WHEN m.ordered_at >= :period_from AND m.ordered_at < :period_to THEN 1 ELSE 0 END AS in_period,
    CASE
        WHEN ABS(m.ordered_at - :period_from) <= 86400000 OR ABS(m.ordered_at - :period_to) <= 86400000 THEN 1
        ELSE 0
    END AS is_near,
    COALESCE(l.gross_minor, 0) AS gross_minor,
    COALESCE(l.actual_minor, 0) AS actual_minor,
    COALESCE(l.sold_minor, 0) AS sold_minor,
    COALESCE(l.refunded_minor, 0) AS refunded_minor,
    COALESCE(l.added_minor, 0) AS added_minor
FROM money_orders AS m
LEFT JOIN (
    SELECT
        s.order_key,
        CAST(SUM(s.amount_minor) AS BIGINT) AS gross_minor,
        CAST(SUM(CASE WHEN :gross = 1 OR s.part IN ('product', 'adjustment') THEN s.amount_minor ELSE 0 END) AS BIGINT)
            AS actual_minor,
        CAST(SUM(CASE WHEN s.event = 'sale' THEN s.amount_minor ELSE 0 END) AS BIGINT) AS sold_minor,
        CAST(-SUM(CASE WHEN s.event <> 'sale' AND s.amount_minor < 0 THEN s.amount_minor ELSE 0 END) AS BIGINT)
            AS refunded_minor,
        CAST(SUM(CASE WHEN s.event <> 'sale' AND s.amount_minor > 0 THEN s.amount_minor ELSE 0 END) AS BIGINT) AS added_minor
    FROM order_ledger AS s
    WHERE s.currency = :currency
    GROUP BY s.order_key
) AS l ON l.order_key = m.order_key
WHERE m.currency = :currency
