-- What people of each arm and group spent and what discounts spared them, with zero for those who had none of it.
SELECT
  COALESCE(g.value, 'unknown') AS name,
  s.arm AS arm,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN s.revenue_minor <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS revenue_payers,
  SUM(s.revenue_minor) AS revenue_total,
  SUM(s.revenue_minor * s.revenue_minor) AS revenue_squares,
  MIN(s.currency_low) AS revenue_currency_low,
  MAX(s.currency_high) AS revenue_currency_high,
  CAST(SUM(CASE WHEN d.minor <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS saving_payers,
  SUM(COALESCE(d.minor, 0)) AS saving_total,
  SUM(COALESCE(d.minor * d.minor, 0)) AS saving_squares,
  MIN(d.currency_low) AS saving_currency_low,
  MAX(d.currency_high) AS saving_currency_high
FROM spent AS s
LEFT JOIN spared AS d ON d.person = s.person
LEFT JOIN group_values AS g ON g.person = s.person
GROUP BY COALESCE(g.value, 'unknown'), s.arm
ORDER BY COALESCE(g.value, 'unknown'), s.arm
