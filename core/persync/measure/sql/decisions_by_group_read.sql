SELECT
  COALESCE(g.value, 'unknown') AS name,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN d.selected = 1 THEN 1 ELSE 0 END) AS BIGINT) AS selected
FROM decided AS d
LEFT JOIN group_values AS g ON g.person = d.person
WHERE d.newest = 1
GROUP BY COALESCE(g.value, 'unknown')
ORDER BY COALESCE(g.value, 'unknown')
