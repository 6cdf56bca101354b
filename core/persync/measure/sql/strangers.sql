-- How many of the people decided about the store knows from nothing else: no contact, attribute, message or order of theirs.
SELECT
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN k.person IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS strangers
FROM decided AS d
LEFT JOIN (
  SELECT COALESCE(po.person, f.key_id) AS person
  FROM (
    SELECT c.key_id AS key_id FROM contacts AS c
    UNION SELECT a.key_id AS key_id FROM attributes AS a
    UNION SELECT o.key_id AS key_id FROM orders AS o
    UNION SELECT t.key_id AS key_id FROM touchpoints AS t) AS f
  LEFT JOIN person_of AS po ON po.key_id = f.key_id
  WHERE f.key_id IS NOT NULL
  GROUP BY COALESCE(po.person, f.key_id)) AS k ON k.person = d.person
WHERE d.newest = 1
