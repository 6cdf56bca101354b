-- The group of each person by two attributes, 'a × b'. Whoever has no value of one of them, or different ones in different
-- systems, is 'unknown' in that half; whoever has neither has no group here.
group_halves AS (
  SELECT
    COALESCE(po.person, a.key_id) AS person,
    a.name AS name,
    CASE WHEN MIN(a.value) = MAX(a.value) THEN MAX(a.value) END AS value
  FROM attributes AS a
  LEFT JOIN person_of AS po ON po.key_id = a.key_id
  WHERE a.name IN (:attribute, :second) AND a.value IS NOT NULL AND a.value <> ''
  GROUP BY COALESCE(po.person, a.key_id), a.name),
group_values AS (
  SELECT
    h.person AS person,
    CASE WHEN MAX(h.value) IS NOT NULL
      THEN COALESCE(MAX(CASE WHEN h.name = :attribute THEN h.value END), 'unknown') || ' × '
        || COALESCE(MAX(CASE WHEN h.name = :second THEN h.value END), 'unknown') END AS value
  FROM group_halves AS h
  GROUP BY h.person)
