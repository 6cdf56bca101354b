SELECT
  COALESCE(g.value, 'unknown') AS name,
  v.source AS source,
  v.outcome AS outcome,
  v.arm AS arm,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN v.y <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS events,
  SUM(v.y) AS total,
  SUM(v.y * v.y) AS squares
FROM arm_values AS v
LEFT JOIN group_values AS g ON g.person = v.person
GROUP BY COALESCE(g.value, 'unknown'), v.source, v.outcome, v.arm
ORDER BY COALESCE(g.value, 'unknown'), v.source, v.outcome, v.arm
