-- The money of the period of each payer and currency, amounts above zero (`sales`) and below it (`reversals`,
-- written as a positive number, of which `refunds` were refunded or returned) apart, because bounds can be given for what is
-- never negative alone; and the squares of what is left. An order without a person is a payer of its own.
moved AS (
  SELECT
    COALESCE(w.person, -1 - m.order_id) AS payer,
    ol.currency AS currency,
    SUM(CASE WHEN ol.amount_minor > 0 THEN ol.amount_minor ELSE 0 END) AS sales,
    SUM(CASE WHEN ol.amount_minor < 0 THEN -ol.amount_minor ELSE 0 END) AS reversals,
    SUM(CASE WHEN ol.amount_minor < 0 AND ol.event IN ('refund', 'return') THEN -ol.amount_minor ELSE 0 END) AS refunds,
    0 AS orders
  FROM money_orders AS m
  JOIN order_ledger AS ol ON ol.order_key = m.order_key
  LEFT JOIN owned_orders AS w ON w.order_id = m.order_id
  WHERE ol.happened_at >= :from_at AND ol.happened_at < :to_at
    AND (:gross = 1 OR ol.part IN ('product', 'adjustment'))
  GROUP BY COALESCE(w.person, -1 - m.order_id), ol.currency
  UNION ALL
  SELECT COALESCE(w.person, -1 - m.order_id) AS payer, m.currency AS currency, 0 AS sales, 0 AS reversals, 0 AS refunds,
    COUNT(*) AS orders
  FROM money_orders AS m
  LEFT JOIN owned_orders AS w ON w.order_id = m.order_id
  WHERE m.is_counted = 1 AND m.ordered_at >= :from_at AND m.ordered_at < :to_at AND m.currency IS NOT NULL
  GROUP BY COALESCE(w.person, -1 - m.order_id), m.currency),
paid AS (
  SELECT v.payer AS payer, v.currency AS currency, CAST(SUM(v.sales) AS DECIMAL(18, 0)) AS sales,
    CAST(SUM(v.reversals) AS DECIMAL(18, 0)) AS reversals, CAST(SUM(v.refunds) AS DECIMAL(18, 0)) AS refunds,
    SUM(v.orders) AS orders
  FROM moved AS v
  GROUP BY v.payer, v.currency)
