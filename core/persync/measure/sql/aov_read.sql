SELECT
  COUNT(*) AS customers,
  CAST(COALESCE(SUM(c.orders), 0) AS BIGINT) AS orders,
  COALESCE(SUM(c.revenue_minor), 0) AS total,
  COALESCE(SUM(c.revenue_minor * c.revenue_minor), 0) AS squares,
  CAST(COALESCE(SUM(c.orders * c.orders), 0) AS BIGINT) AS orders_squared,
  COALESCE(SUM(c.revenue_minor * CAST(c.orders AS DECIMAL(18, 0))), 0) AS product,
  MIN(c.currency_low) AS currency_low,
  MAX(c.currency_high) AS currency_high
FROM customers AS c
