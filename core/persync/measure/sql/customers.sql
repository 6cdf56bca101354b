-- One row a customer: whoever placed an order that counts. `repeats` are occasions after the first and `repeat_minor` is their
-- money; `bucket` is made from the person's stored hash, for drawing customers again and again.
SELECT
  o.person AS person,
  CAST(MAX(MOD(COALESCE(h.hash, o.person), 1024)) AS BIGINT) AS bucket,
  MIN(o.happened_at) AS first_at,
  MIN(o.day) AS first_day,
  MAX(o.day) AS last_day,
  MIN(o.first_month) AS first_month,
  COUNT(*) - 1 AS repeats,
  CAST(SUM(o.orders) AS BIGINT) AS orders,
  CAST(SUM(o.revenue_minor) AS BIGINT) AS revenue_minor,
  CAST(SUM(CASE WHEN o.number > 1 THEN o.revenue_minor ELSE 0 END) AS BIGINT) AS repeat_minor,
  MIN(o.currency_low) AS currency_low,
  MAX(o.currency_high) AS currency_high
FROM occasions AS o
LEFT JOIN (SELECT po.person AS person, MIN(po.hash) AS hash FROM person_of AS po GROUP BY po.person) AS h ON h.person = o.person
GROUP BY o.person
