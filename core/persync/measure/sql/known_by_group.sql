SELECT
  COALESCE(g.value, 'unknown') AS name,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN k.systems > 1 THEN 1 ELSE 0 END) AS BIGINT) AS matched
FROM (SELECT w.person AS person, COUNT(*) AS systems FROM known AS w GROUP BY w.person) AS k
LEFT JOIN group_values AS g ON g.person = k.person
GROUP BY COALESCE(g.value, 'unknown')
ORDER BY COALESCE(g.value, 'unknown')
