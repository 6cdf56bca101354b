-- Who was drawn into which arm, from the user's own list.
drawn AS (
  SELECT DISTINCT COALESCE(po.person, a.key_id) AS person, a.arm AS arm
  FROM assignments AS a
  LEFT JOIN person_of AS po ON po.key_id = a.key_id
  WHERE a.experiment = :experiment)
