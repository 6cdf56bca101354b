-- The systems that know each person by a key of their own; a key that all systems share (connection 0) names none.
systems AS (
  SELECT DISTINCT COALESCE(po.person, k.key_id) AS person, n.name AS name
  FROM person_keys AS k
  JOIN connections AS n ON n.connection = k.connection
  LEFT JOIN person_of AS po ON po.key_id = k.key_id)
