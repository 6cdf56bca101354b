-- The money of each order (attribution's money_orders) as its ledger stands, and whose it is (owned_orders). revenue_minor follows
-- the basis: net = product + adjustment, gross (:gross = 1) = all parts.
ledger_sums AS (
  SELECT
    ol.order_key AS order_key,
    CAST(SUM(CASE WHEN :gross = 1 OR ol.part IN ('product', 'adjustment') THEN ol.amount_minor ELSE 0 END) AS BIGINT) AS revenue_minor,
    MIN(ol.currency) AS currency_low,
    MAX(ol.currency) AS currency_high
  FROM order_ledger AS ol
  GROUP BY ol.order_key),
order_money AS (
  SELECT
    m.order_id AS order_id,
    w.person AS person,
    COALESCE(m.ordered_at, 0) AS ordered_at,
    COALESCE(l.revenue_minor, 0) AS revenue_minor,
    l.currency_low AS currency_low,
    l.currency_high AS currency_high,
    m.is_counted AS is_counted
  FROM money_orders AS m
  LEFT JOIN owned_orders AS w ON w.order_id = m.order_id
  LEFT JOIN ledger_sums AS l ON l.order_key = m.order_key)
