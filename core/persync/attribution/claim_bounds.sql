-- For a claim that names no orders: what the orders with the platform's e-mail before them (:reach) come to, and how far each
-- cause can reach at most, in one row.
SELECT
    CAST(COALESCE(SUM(CASE WHEN o.in_period = 1 AND r.is_within = 1 THEN o.actual_minor ELSE 0 END), 0) AS BIGINT) AS actual,
    COALESCE(SUM(CASE WHEN o.in_period = 1 AND r.is_within = 1 THEN 1 ELSE 0 END), 0) AS orders,
    CAST(COALESCE(SUM(CASE WHEN o.in_period = 1 AND r.is_within = 1 THEN o.gross_minor - o.actual_minor ELSE 0 END), 0)
        AS BIGINT) AS basis,
    CAST(COALESCE(SUM(CASE WHEN o.in_period = 1 AND r.is_within = 1 THEN o.refunded_minor ELSE 0 END), 0) AS BIGINT) AS refunds,
    CAST(COALESCE(SUM(CASE WHEN o.in_period = 1 AND r.is_within = 0 THEN o.gross_minor + o.refunded_minor ELSE 0 END), 0)
        AS BIGINT) AS older,
    CAST(COALESCE(SUM(CASE WHEN o.in_period = 0 AND o.is_near = 1 AND r.is_within = 1 THEN o.gross_minor + o.refunded_minor
        ELSE 0 END), 0) AS BIGINT) AS time_zone,
    CAST(COALESCE(SUM(CASE WHEN o.in_period = 0 AND o.is_near = 0 AND r.is_within = 1 THEN o.gross_minor + o.refunded_minor
        ELSE 0 END), 0) AS BIGINT) AS dating,
    CAST(COALESCE(SUM(CASE WHEN o.in_period = 1 AND r.order_id IS NULL THEN o.gross_minor + o.refunded_minor ELSE 0 END), 0)
        AS BIGINT) AS channel
FROM claim_orders AS o
LEFT JOIN claim_reach AS r ON r.order_id = o.order_id AND r.connection = :reach
