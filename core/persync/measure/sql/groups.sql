-- The group of each person by one attribute. Whoever has no value, or different ones in different systems, has none here.
group_values AS (
  SELECT
    COALESCE(po.person, a.key_id) AS person,
    CASE WHEN COUNT(DISTINCT a.value) = 1 THEN MAX(a.value) END AS value
  FROM attributes AS a
  LEFT JOIN person_of AS po ON po.key_id = a.key_id
  WHERE a.name = :attribute AND a.value IS NOT NULL AND a.value <> ''
  GROUP BY COALESCE(po.person, a.key_id))
