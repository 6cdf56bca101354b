-- Each time a person entered an automation: its first message, and one that came :goal_ms or more after the message before. What
-- followed counts until :goal_ms after it, or the next entry; somebody's first order only where it was the first (:first = 1).
auto_sends AS (
  SELECT COALESCE(po.person, t.key_id) AS person, t.happened_at AS at
  FROM touchpoints AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id
  LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key
  WHERE t.action IN (1, 2) AND COALESCE(co.campaign_id, t.campaign_key) IN (/*campaigns*/)),
marked AS (
  SELECT
    s.person AS person,
    s.at AS at,
    s.at - LAG(s.at) OVER (PARTITION BY s.person ORDER BY s.at) AS gap
  FROM auto_sends AS s),
entered AS (
  SELECT DISTINCT k.person AS person, k.at AS entered_at
  FROM marked AS k
  WHERE k.gap IS NULL OR k.gap >= :goal_ms),
spans AS (
  SELECT
    e.person AS person,
    e.entered_at AS entered_at,
    LEAST(e.entered_at + :goal_ms, COALESCE(LEAD(e.entered_at) OVER (PARTITION BY e.person ORDER BY e.entered_at), :ever)) AS until
  FROM entered AS e),
asked AS (SELECT p.* FROM spans AS p WHERE p.entered_at >= :from_at AND p.entered_at < :to_at),
earlier AS (
  SELECT m.person AS person, MIN(m.ordered_at) AS first_at
  FROM order_money AS m
  WHERE m.is_counted = 1 AND m.person IS NOT NULL
  GROUP BY m.person),
goals AS (
  SELECT
    a.person AS person,
    a.entered_at AS entered_at,
    MIN(m.ordered_at) AS reached_at,
    SUM(CAST(m.revenue_minor AS DOUBLE)) AS minor
  FROM asked AS a
  JOIN order_money AS m ON m.person = a.person AND m.ordered_at >= a.entered_at AND m.ordered_at < a.until AND m.is_counted = 1
  GROUP BY a.person, a.entered_at),
acts AS (
  SELECT
    a.person AS person,
    a.entered_at AS entered_at,
    MAX(CASE WHEN t.action = 4 AND COALESCE(t.is_machine, 0) = 0 OR t.action = 3 AND t.is_machine = 0 THEN 1 ELSE 0 END) AS engaged,
    MAX(CASE WHEN t.action = 6 THEN 1 ELSE 0 END) AS parted
  FROM asked AS a
  JOIN person_of AS po ON po.person = a.person
  JOIN touchpoints AS t ON t.key_id = po.key_id AND t.happened_at >= a.entered_at AND t.happened_at < a.until
  LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key
  WHERE t.action IN (3, 4, 6) AND COALESCE(co.campaign_id, t.campaign_key) IN (/*campaigns*/)
  GROUP BY a.person, a.entered_at)
SELECT
  a.person AS person,
  a.entered_at AS entered_at,
  CASE WHEN a.entered_at + :goal_ms <= :until THEN 1 ELSE 0 END AS is_over,
  CASE WHEN g.person IS NULL THEN 0 ELSE 1 END AS reached,
  (g.reached_at - a.entered_at) / 86400000e0 AS days,
  COALESCE(g.minor, 0e0) AS minor,
  COALESCE(c.engaged, 0) AS engaged,
  COALESCE(c.parted, 0) AS parted
FROM asked AS a
LEFT JOIN earlier AS b ON b.person = a.person AND b.first_at < a.entered_at
LEFT JOIN goals AS g ON g.person = a.person AND g.entered_at = a.entered_at
LEFT JOIN acts AS c ON c.person = a.person AND c.entered_at = a.entered_at
WHERE :first = 0 OR b.person IS NULL
