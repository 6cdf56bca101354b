-- Of each lead of the period when they became a customer: the first counted order, or the stage customer. Whoever was one
-- before they were known as a lead is none.
became AS (
  SELECT m.person AS person, m.ordered_at AS at FROM order_money AS m WHERE m.is_counted = 1 AND m.person IS NOT NULL
  UNION ALL
  SELECT COALESCE(po.person, s.key_id) AS person, s.entered_at AS at
  FROM stages AS s
  LEFT JOIN person_of AS po ON po.key_id = s.key_id
  WHERE s.stage = 'customer'),
customers_since AS (SELECT b.person AS person, MIN(b.at) AS customer_at FROM became AS b GROUP BY b.person),
lead_cohort AS (
  SELECT l.person AS person, l.source AS source, l.lead_at AS lead_at, c.customer_at AS customer_at
  FROM leads AS l
  LEFT JOIN customers_since AS c ON c.person = l.person
  WHERE l.lead_at >= :from_at AND l.lead_at < :to_at AND (c.customer_at IS NULL OR c.customer_at >= l.lead_at))
