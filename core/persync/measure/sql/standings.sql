-- How everybody stood at each of the /*moments*/, by what was known before it: purchases (shop days with an order that counted
-- then: one cancelled or sent back later did), what they had brought in, their stage, RFM class and what they buy most.
-- Orders that count now have ended at no time; others when they were cancelled or the last of them was sent back.
moments AS (/*moments*/),
returned AS (
  SELECT ol.order_key AS order_key, MAX(ol.happened_at) AS last_at
  FROM order_ledger AS ol
  WHERE ol.event = 'refund'
  GROUP BY ol.order_key),
dated_orders AS (
  SELECT
    w.person AS person,
    m.order_key AS order_key,
    m.connection AS connection,
    m.ordered_at AS ordered_at,
    CAST(FLOOR((m.ordered_at + /*offset*/) / 86400000e0) AS BIGINT) AS day,
    CASE WHEN m.is_counted = 1 THEN :ever ELSE COALESCE(o.cancelled_at, r.last_at, m.ordered_at) END AS ended_at
  FROM money_orders AS m
  JOIN owned_orders AS w ON w.order_id = m.order_id
  JOIN orders AS o ON o.order_key = m.order_key
  LEFT JOIN returned AS r ON r.order_key = m.order_key
  WHERE w.person IS NOT NULL AND m.ordered_at IS NOT NULL),
past AS (
  SELECT
    n.at AS at,
    d.person AS person,
    COUNT(DISTINCT d.day) AS orders,
    MIN(d.ordered_at) AS first_at,
    MAX(d.ordered_at) AS last_at
  FROM moments AS n
  JOIN dated_orders AS d ON d.ordered_at < n.at AND d.ended_at >= n.at
  GROUP BY n.at, d.person),
spent AS (
  SELECT n.at AS at, d.person AS person, CAST(SUM(ol.amount_minor) AS BIGINT) AS minor
  FROM moments AS n
  JOIN dated_orders AS d ON d.ordered_at < n.at
  JOIN order_ledger AS ol ON ol.order_key = d.order_key AND ol.happened_at < n.at
  WHERE :gross = 1 OR ol.part IN ('product', 'adjustment')
  GROUP BY n.at, d.person),
/*affinity*/
ranked AS (
  SELECT
    p.at AS at,
    p.person AS person,
    p.orders AS orders,
    p.first_at AS first_at,
    p.last_at AS last_at,
    COALESCE(s.minor, 0) AS minor,
    FLOOR(5e0 * (RANK() OVER (PARTITION BY p.at ORDER BY p.last_at) - 1) / COUNT(*) OVER (PARTITION BY p.at)) AS r,
    FLOOR(5e0 * (RANK() OVER (PARTITION BY p.at ORDER BY p.orders) - 1) / COUNT(*) OVER (PARTITION BY p.at)) AS f,
    FLOOR(5e0 * (RANK() OVER (PARTITION BY p.at ORDER BY COALESCE(s.minor, 0)) - 1) / COUNT(*) OVER (PARTITION BY p.at)) AS m
  FROM past AS p
  LEFT JOIN spent AS s ON s.at = p.at AND s.person = p.person),
stood AS (
  SELECT
    n.at AS at,
    q.person AS person,
    COALESCE(k.orders, 0) AS orders,
    COALESCE(k.minor, 0) AS minor,
    k.last_at AS last_at,
    CASE
      WHEN k.person IS NULL THEN 'subscriber'
      WHEN n.at - k.last_at >= :churned_ms THEN 'churned'
      WHEN n.at - k.last_at >= :inactive_ms THEN 'inactive'
      WHEN n.at - k.last_at >= :at_risk_ms THEN 'at risk'
      WHEN k.orders >= :loyal_orders THEN 'loyal'
      WHEN n.at - k.first_at < :new_ms THEN 'new'
      ELSE 'active'
    END AS stage,
    CASE
      WHEN k.person IS NULL THEN NULL
      WHEN k.r >= 3 AND k.f + k.m >= 6 THEN 'champions'
      WHEN k.r >= 2 AND k.f + k.m >= 4 THEN 'loyal'
      WHEN k.r >= 2 THEN 'recent'
      WHEN k.f + k.m >= 4 THEN 'slipping'
      ELSE 'lost'
    END AS rfm,
    /*affinity_column*/ AS affinity
  FROM moments AS n
  JOIN first_seen AS q ON q.known_at < n.at
  LEFT JOIN ranked AS k ON k.at = n.at AND k.person = q.person
  /*affinity_join*/)
