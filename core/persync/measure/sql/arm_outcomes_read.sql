SELECT
  o.outcome AS outcome,
  a.arm AS arm,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN o.value <> 0e0 THEN 1 ELSE 0 END) AS BIGINT) AS events,
  CAST(SUM(CASE WHEN o.value = 0e0 OR o.value = 1e0 THEN 0 ELSE 1 END) AS BIGINT) AS others,
  MAX(o.happened_at) AS happened_at,
  AVG(o.value) AS average,
  VAR_SAMP(o.value) AS variance
FROM arms AS a
JOIN person_outcomes AS o ON o.person = a.person
GROUP BY o.outcome, a.arm
ORDER BY o.outcome, a.arm
