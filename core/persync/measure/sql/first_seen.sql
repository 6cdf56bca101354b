-- Since when everybody is known: as a contact, by an order (owned_orders) or by what they did; long ago where nothing is dated.
sightings AS (
  SELECT COALESCE(po.person, c.key_id) AS person, COALESCE(c.created_at, -4611686018427387904) AS known_at
  FROM contacts AS c
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  WHERE COALESCE(c.is_deleted, 0) = 0
  UNION ALL
  SELECT w.person AS person, MIN(m.ordered_at) AS known_at
  FROM money_orders AS m
  JOIN owned_orders AS w ON w.order_id = m.order_id
  WHERE m.ordered_at IS NOT NULL
  GROUP BY w.person
  UNION ALL
  SELECT COALESCE(po.person, t.key_id) AS person, t.known_at AS known_at
  FROM (SELECT e.key_id AS key_id, MIN(e.happened_at) AS known_at FROM touchpoints AS e GROUP BY e.key_id) AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id),
first_seen AS (
  SELECT
    s.person AS person,
    COALESCE(MIN(CASE WHEN s.known_at > -4611686018427387904 THEN s.known_at END), -4611686018427387904) AS known_at
  FROM sightings AS s
  WHERE s.person IS NOT NULL
  GROUP BY s.person)
