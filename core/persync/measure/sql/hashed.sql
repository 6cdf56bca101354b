-- Each person's stored hash, for drawing people again and again.
hashed AS (
  SELECT po.person AS person, MIN(po.hash) AS hash
  FROM person_of AS po
  GROUP BY po.person)
