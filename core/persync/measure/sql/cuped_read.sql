SELECT
  v.source AS source,
  v.outcome AS outcome,
  v.arm AS arm,
  COUNT(*) AS people,
  SUM(v.y) AS y,
  SUM(v.y * v.y) AS yy,
  COUNT(c.x) AS known,
  COALESCE(SUM(c.x), 0) AS x,
  COALESCE(SUM(c.x * c.x), 0) AS xx,
  COALESCE(SUM(c.x * v.y), 0) AS xy,
  COALESCE(SUM(CASE WHEN c.x IS NOT NULL THEN v.y END), 0) AS y_known
FROM arm_values AS v
LEFT JOIN covariates AS c ON c.person = v.person
GROUP BY v.source, v.outcome, v.arm
ORDER BY v.source, v.outcome, v.arm
