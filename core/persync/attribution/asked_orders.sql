-- The orders that a period asks for, and those that a holdout does: placed then (or so soon after that one of their touches may
-- lie in the period), or with money that moved then. What is worked out order by order need not be for any other.
SELECT m.order_id
FROM money_orders AS m
LEFT JOIN (
    SELECT DISTINCT l.order_key FROM order_ledger AS l WHERE l.happened_at >= :period_from AND l.happened_at < :period_to
) AS e ON e.order_key = m.order_key
WHERE e.order_key IS NOT NULL
    OR (m.ordered_at >= :period_from AND m.ordered_at < :placed_to)
    OR (COALESCE(m.ordered_at, 0) >= :lift_from AND COALESCE(m.ordered_at, 0) < :lift_to)
