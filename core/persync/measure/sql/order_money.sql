-- The money of each order (attribution's money_orders) as its ledger stands, and whose it is. revenue_minor follows the
-- basis: net = product + adjustment, gross (:gross = 1) = all parts. A guest's order belongs to whoever a copy of it names.
order_owners AS (
  SELECT
    f.order_id AS order_id,
    COALESCE(
      MAX(CASE WHEN f.is_money_source = 1 THEN COALESCE(po.person, o.key_id) END),
      MIN(COALESCE(po.person, o.key_id))) AS person
  FROM order_of AS f
  JOIN orders AS o ON o.order_key = f.order_key
  LEFT JOIN person_of AS po ON po.key_id = o.key_id
  GROUP BY f.order_id),
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
  LEFT JOIN order_owners AS w ON w.order_id = m.order_id
  LEFT JOIN ledger_sums AS l ON l.order_key = m.order_key)
