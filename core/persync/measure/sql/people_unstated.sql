-- The people of whom an attribute is held but may not be read, since no basis for it is stated (see engine/held), and of whom
-- no other system tells it on a stated one: they are among the unknown.
SELECT f.name AS name, COUNT(*) AS people
FROM (
  SELECT
    a.name AS name,
    COALESCE(po.person, a.key_id) AS person
  FROM attributes AS a
  LEFT JOIN person_of AS po ON po.key_id = a.key_id
  WHERE a.name IN (
    SELECT b.name FROM attributes AS b WHERE b.value IS NULL AND TRIM(COALESCE(b.basis, '')) = '')
  GROUP BY a.name, COALESCE(po.person, a.key_id)
  HAVING MAX(CASE WHEN a.value IS NULL AND TRIM(COALESCE(a.basis, '')) = '' THEN 1 ELSE 0 END) = 1
    AND MAX(CASE WHEN a.value IS NULL OR a.value = '' THEN 0 ELSE 1 END) = 0) AS f
GROUP BY f.name
ORDER BY f.name
