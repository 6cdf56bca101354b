SELECT
  COALESCE(g.value, 'unknown') AS name,
  COUNT(*) AS people,
  SUM(CASE WHEN c.given > 0 THEN 1 ELSE 0 END) AS receivers,
  SUM(c.given) AS given_y,
  SUM(c.listed) AS given_x,
  SUM(c.given * c.given) AS given_yy,
  SUM(c.listed * c.listed) AS given_xx,
  SUM(c.given * c.listed) AS given_xy,
  SUM(CASE WHEN c.pieces > 0 THEN 1 ELSE 0 END) AS buyers,
  SUM(c.paid) AS paid_y,
  SUM(c.pieces) AS paid_x,
  SUM(c.paid * c.paid) AS paid_yy,
  SUM(c.pieces * c.pieces) AS paid_xx,
  SUM(c.paid * c.pieces) AS paid_xy,
  SUM(CASE WHEN c.free > 0 THEN 1 ELSE 0 END) AS free_receivers,
  SUM(c.free) AS free_y,
  SUM(c.orders) AS free_x,
  SUM(c.free * c.free) AS free_yy,
  SUM(c.orders * c.orders) AS free_xx,
  SUM(c.free * c.orders) AS free_xy,
  MIN(c.currency_low) AS currency_low,
  MAX(c.currency_high) AS currency_high
FROM customer_offers AS c
LEFT JOIN group_values AS g ON g.person = c.person
GROUP BY COALESCE(g.value, 'unknown')
ORDER BY COALESCE(g.value, 'unknown')
