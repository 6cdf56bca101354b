-- A purchase occasion: a shop day on which a person placed orders that count. Orders of one day are one purchase. `month` and
-- `first_month` number calendar months of the shop (year * 12 + month - 1); the money is that of the day's orders as their
-- ledger stands. /*offset*/ is the shop's offset from UTC at m.ordered_at; what is dated at or after :end_at has not happened.
days AS (
  SELECT
    m.person AS person,
    CAST(FLOOR((m.ordered_at + /*offset*/) / 86400000e0) AS BIGINT) AS day,
    MIN(m.ordered_at) AS happened_at,
    COUNT(*) AS orders,
    CAST(SUM(m.revenue_minor) AS BIGINT) AS revenue_minor,
    MIN(m.currency_low) AS currency_low,
    MAX(m.currency_high) AS currency_high
  FROM order_money AS m
  WHERE m.is_counted = 1 AND m.person IS NOT NULL AND m.ordered_at < :end_at
  GROUP BY m.person, CAST(FLOOR((m.ordered_at + /*offset*/) / 86400000e0) AS BIGINT)),
numbered AS (
  SELECT
    d.person AS person,
    d.day AS day,
    n.month AS month,
    d.happened_at AS happened_at,
    d.orders AS orders,
    d.revenue_minor AS revenue_minor,
    d.currency_low AS currency_low,
    d.currency_high AS currency_high,
    ROW_NUMBER() OVER (PARTITION BY d.person ORDER BY d.day) AS number,
    MIN(n.month) OVER (PARTITION BY d.person) AS first_month,
    LEAD(d.day) OVER (PARTITION BY d.person ORDER BY d.day) AS next_day,
    LEAD(d.happened_at) OVER (PARTITION BY d.person ORDER BY d.day) AS next_at
  FROM days AS d
  JOIN calendar AS n ON d.day >= n.first_day AND d.day < n.next_day)
