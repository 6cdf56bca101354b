-- What each customer's orders moved and when, from the dated ledger: sales, edits and refunds, also of orders that are left out
-- of counts. `month` counts calendar months from that of the first order; what was moved before it stands in it.
SELECT
  c.person AS person,
  c.bucket AS bucket,
  c.first_at AS first_at,
  c.first_month AS first_month,
  GREATEST(n.month - c.first_month, 0) AS month,
  l.happened_at AS happened_at,
  CAST(SUM(l.amount_minor) AS BIGINT) AS minor
FROM customers AS c
JOIN owned_orders AS w ON w.person = c.person
JOIN money_orders AS m ON m.order_id = w.order_id
JOIN order_ledger AS l ON l.order_key = m.order_key
JOIN calendar AS n ON l.happened_at >= n.from_at AND l.happened_at < n.to_at
WHERE l.happened_at < :end_at AND (:gross = 1 OR l.part IN ('product', 'adjustment'))
GROUP BY c.person, c.bucket, c.first_at, c.first_month, n.month, l.happened_at
