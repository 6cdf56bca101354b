SELECT
  s.arm AS arm,
  COUNT(*) AS people,
  CAST(SUM(s.has_ordered) AS BIGINT) AS buyers,
  CAST(SUM(CASE WHEN s.revenue_minor <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS payers,
  SUM(s.revenue_minor) AS total,
  SUM(s.revenue_minor * s.revenue_minor) AS squares,
  MIN(s.currency_low) AS currency_low,
  MAX(s.currency_high) AS currency_high
FROM spent AS s
GROUP BY s.arm
ORDER BY s.arm
