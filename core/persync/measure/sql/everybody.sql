-- Everybody the store knows by any key.
everybody AS (
  SELECT DISTINCT COALESCE(po.person, k.key_id) AS person
  FROM person_keys AS k
  LEFT JOIN person_of AS po ON po.key_id = k.key_id)
