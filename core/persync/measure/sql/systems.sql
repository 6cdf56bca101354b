-- The systems that know each person: those that keep a contact of theirs, and those they ordered in.
systems AS (
  SELECT DISTINCT COALESCE(po.person, k.key_id) AS person, n.name AS name
  FROM (
    SELECT c.connection AS connection, c.key_id AS key_id FROM contacts AS c
    UNION
    SELECT o.connection AS connection, o.key_id AS key_id FROM orders AS o WHERE o.key_id IS NOT NULL) AS k
  JOIN connections AS n ON n.connection = k.connection
  LEFT JOIN person_of AS po ON po.key_id = k.key_id)
