-- What the people who could be mailed now did in the last days, as many as a test would last.
bought AS (
  SELECT
    m.person AS person,
    MAX(m.is_counted) AS has_ordered,
    CAST(SUM(m.revenue_minor) AS DECIMAL(18, 0)) AS revenue_minor,
    MIN(m.currency_low) AS currency_low,
    MAX(m.currency_high) AS currency_high
  FROM order_money AS m
  WHERE m.ordered_at >= :since AND m.ordered_at < :until
  GROUP BY m.person)
SELECT
  COUNT(*) AS people,
  CAST(COALESCE(SUM(b.has_ordered), 0) AS BIGINT) AS buyers,
  COALESCE(SUM(b.revenue_minor), 0) AS total,
  COALESCE(SUM(b.revenue_minor * b.revenue_minor), 0) AS squares,
  MIN(b.currency_low) AS currency_low,
  MAX(b.currency_high) AS currency_high
FROM audience AS a
LEFT JOIN bought AS b ON b.person = a.person
