-- What people did themselves, each act with its kind and moment: opens that a platform tells from a machine's, clicks and
-- visits that count as touches, visits a web tool counted, orders.
acted AS (
  SELECT COALESCE(po.person, t.key_id) AS person, 'open' AS kind, t.happened_at AS at
  FROM touchpoints AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id
  WHERE t.action = 3 AND t.is_machine = 0
  UNION ALL
  SELECT t.person AS person, CASE WHEN t.action = 4 THEN 'click' ELSE 'visit' END AS kind, t.happened_at AS at
  FROM touches AS t
  WHERE t.reason = ''
  UNION ALL
  SELECT COALESCE(po.person, v.key_id) AS person, 'visit' AS kind, v.started_at AS at
  FROM sessions AS v
  LEFT JOIN person_of AS po ON po.key_id = v.key_id
  WHERE v.key_id IS NOT NULL
  UNION ALL
  SELECT m.person AS person, 'order' AS kind, m.ordered_at AS at
  FROM order_money AS m
  WHERE m.is_counted = 1 AND m.person IS NOT NULL)
