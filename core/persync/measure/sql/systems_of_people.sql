-- How many systems know each person of the contacts by a record of their own.
known_people AS (
  SELECT COALESCE(po.person, c.key_id) AS person, COUNT(DISTINCT c.connection) AS systems
  FROM contacts AS c
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  WHERE COALESCE(c.is_deleted, 0) = 0
  GROUP BY COALESCE(po.person, c.key_id))
