-- Imported outcomes by arm as sums, so that arms of many stores add up. Needs arms and person_outcomes.
SELECT
  o.outcome AS outcome,
  a.arm AS arm,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN o.value <> 0e0 THEN 1 ELSE 0 END) AS BIGINT) AS events,
  CAST(SUM(CASE WHEN o.value = 0e0 OR o.value = 1e0 THEN 0 ELSE 1 END) AS BIGINT) AS others,
  SUM(o.value) AS total,
  SUM(o.value * o.value) AS squares
FROM arms AS a
JOIN person_outcomes AS o ON o.person = a.person
GROUP BY o.outcome, a.arm
ORDER BY o.outcome, a.arm
