-- The customers of each group, how many got or bought anything of each kind, and the sums of each kind's ratio (/*sums*/, see
-- fairness/offer.py).
SELECT
  COALESCE(g.value, 'unknown') AS name,
  COUNT(*) AS people,
  SUM(CASE WHEN c.given > 0 THEN 1 ELSE 0 END) AS receivers,
  SUM(CASE WHEN c.pieces > 0 THEN 1 ELSE 0 END) AS buyers,
  SUM(CASE WHEN c.free > 0 THEN 1 ELSE 0 END) AS free_receivers,
  /*sums*/,
  MIN(c.currency_low) AS currency_low,
  MAX(c.currency_high) AS currency_high
FROM customer_offers AS c
LEFT JOIN group_values AS g ON g.person = c.person
GROUP BY COALESCE(g.value, 'unknown')
ORDER BY COALESCE(g.value, 'unknown')
