-- Who is known to which system.
known AS (
  SELECT DISTINCT c.connection AS connection, COALESCE(po.person, c.key_id) AS person
  FROM contacts AS c
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  WHERE COALESCE(c.is_deleted, 0) = 0)
