SELECT
  COALESCE(g.value, 'unknown') AS name,
  s.arm AS arm,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN s.revenue_minor <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS payers,
  SUM(s.revenue_minor) AS total,
  SUM(s.revenue_minor * s.revenue_minor) AS squares,
  MIN(s.currency_low) AS currency_low,
  MAX(s.currency_high) AS currency_high
FROM spent AS s
LEFT JOIN group_values AS g ON g.person = s.person
GROUP BY COALESCE(g.value, 'unknown'), s.arm
ORDER BY COALESCE(g.value, 'unknown'), s.arm
