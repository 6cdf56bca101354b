-- The number that each person has for an attribute, where all systems agree on one.
covariates AS (
  SELECT n.person AS person, MAX(n.x) AS x
  FROM (
    SELECT COALESCE(po.person, a.key_id) AS person, TRY_CAST(a.value AS DECIMAL(18, 4)) AS x
    FROM attributes AS a
    LEFT JOIN person_of AS po ON po.key_id = a.key_id
    WHERE a.name = :attribute AND ABS(TRY_CAST(a.value AS DOUBLE)) < 1e9) AS n
  WHERE n.x IS NOT NULL
  GROUP BY n.person
  HAVING MIN(n.x) = MAX(n.x))
