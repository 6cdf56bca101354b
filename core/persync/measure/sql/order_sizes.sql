-- The orders of the period that count, each with its place by size; a guest without a person is a customer of its own.
counted AS (
  SELECT
    m.order_id AS order_id,
    COALESCE(m.person, -m.order_id) AS customer,
    m.revenue_minor AS revenue_minor,
    m.currency_low AS currency_low,
    m.currency_high AS currency_high
  FROM order_money AS m
  WHERE m.is_counted = 1 AND m.ordered_at >= :from_at AND m.ordered_at < :to_at),
customers AS (
  SELECT
    c.customer AS customer,
    COUNT(*) AS orders,
    CAST(SUM(c.revenue_minor) AS DECIMAL(18, 0)) AS revenue_minor,
    MIN(c.currency_low) AS currency_low,
    MAX(c.currency_high) AS currency_high
  FROM counted AS c
  GROUP BY c.customer),
placed_orders AS (
  SELECT
    c.revenue_minor AS revenue_minor,
    ROW_NUMBER() OVER (ORDER BY c.revenue_minor, c.order_id) AS place,
    COUNT(*) OVER () AS orders
  FROM counted AS c)
