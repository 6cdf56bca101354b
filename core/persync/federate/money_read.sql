-- At most :cap orders and :clip minor units of a payer count; `squares` is given away where nothing is cut off alone.
SELECT
  /*group*/ AS name,
  COUNT(*) AS payers,
  CAST(SUM(CASE WHEN p.payer >= 0 AND p.orders > 0 THEN 1 ELSE 0 END) AS BIGINT) AS buyers,
  CAST(SUM(LEAST(p.orders, :cap)) AS BIGINT) AS orders,
  SUM(LEAST(p.sales, CAST(:clip AS DECIMAL(18, 0)))) AS sales,
  SUM(LEAST(p.reversals, CAST(:clip AS DECIMAL(18, 0)))) AS reversals,
  SUM(LEAST(p.refunds, CAST(:clip AS DECIMAL(18, 0)))) AS refunds,
  CAST(SUM(CASE WHEN p.sales > 0 THEN 1 ELSE 0 END) AS BIGINT) AS sold_to,
  CAST(SUM(CASE WHEN p.reversals > 0 THEN 1 ELSE 0 END) AS BIGINT) AS reversed_to,
  CAST(SUM(CASE WHEN p.refunds > 0 THEN 1 ELSE 0 END) AS BIGINT) AS refunded_to,
  SUM((p.sales - p.reversals) * (p.sales - p.reversals)) AS squares
FROM paid AS p
/*join*/
WHERE p.currency = :currency
GROUP BY /*group*/
