-- Money that moved in the period: the dated ledger of every order whose money counts.
SELECT
  CAST(COALESCE(SUM(CASE WHEN :gross = 1 OR ol.part IN ('product', 'adjustment') THEN ol.amount_minor ELSE 0 END), 0) AS BIGINT) AS minor,
  MIN(ol.currency) AS currency_low,
  MAX(ol.currency) AS currency_high,
  COUNT(*) AS entries,
  COUNT(DISTINCT CASE WHEN m.is_counted = 1 THEN m.order_id END) AS orders
FROM money_orders AS m
JOIN order_ledger AS ol ON ol.order_key = m.order_key
WHERE ol.happened_at >= :from_at AND ol.happened_at < :to_at
