-- The score that a decision gave each person, the last one where it was given several times.
scores AS (
  SELECT r.person AS person, MAX(r.score) AS score
  FROM (
    SELECT
      COALESCE(po.person, d.key_id) AS person,
      d.score AS score,
      RANK() OVER (PARTITION BY COALESCE(po.person, d.key_id) ORDER BY d.decided_at DESC) AS place
    FROM decisions AS d
    LEFT JOIN person_of AS po ON po.key_id = d.key_id
    WHERE d.decision = :decision AND d.score IS NOT NULL) AS r
  WHERE r.place = 1
  GROUP BY r.person)
