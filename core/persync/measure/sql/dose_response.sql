-- What each recipient did in the period, by how many messages a week they got: their own clicks, an unsubscription, a complaint,
-- and the money their orders moved.
clicked AS (
  SELECT t.person AS person, COUNT(*) AS clicks
  FROM touches AS t
  WHERE t.action = 4 AND t.reason = '' AND t.happened_at >= :from_at AND t.happened_at < :to_at
  GROUP BY t.person),
parted AS (
  SELECT
    COALESCE(po.person, t.key_id) AS person,
    MAX(CASE WHEN t.action = 6 THEN 1 ELSE 0 END) AS left_list,
    MAX(CASE WHEN t.action = 7 THEN 1 ELSE 0 END) AS complained
  FROM touchpoints AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id
  WHERE t.action IN (6, 7) AND t.happened_at >= :from_at AND t.happened_at < :to_at
  GROUP BY COALESCE(po.person, t.key_id)),
paid AS (
  SELECT w.person AS person, SUM(CAST(ol.amount_minor AS DOUBLE)) AS minor
  FROM money_orders AS m
  JOIN owned_orders AS w ON w.order_id = m.order_id
  JOIN order_ledger AS ol ON ol.order_key = m.order_key
  WHERE ol.happened_at >= :from_at AND ol.happened_at < :to_at AND (:gross = 1 OR ol.part IN ('product', 'adjustment'))
  GROUP BY w.person),
responded AS (
  SELECT
    d.person AS person,
    d.sends / :weeks AS a_week,
    COALESCE(c.clicks, 0) AS clicks,
    COALESCE(l.left_list, 0) AS left_list,
    COALESCE(l.complained, 0) AS complained,
    COALESCE(p.minor, 0e0) AS minor
  FROM doses AS d
  LEFT JOIN clicked AS c ON c.person = d.person
  LEFT JOIN parted AS l ON l.person = d.person
  LEFT JOIN paid AS p ON p.person = d.person)
