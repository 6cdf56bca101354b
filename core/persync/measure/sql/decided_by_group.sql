SELECT
  COALESCE(g.value, 'unknown') AS name,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN d.selected = 1 THEN 1 ELSE 0 END) AS BIGINT) AS selected,
  CAST(SUM(CASE WHEN d.qualified IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS labelled,
  CAST(SUM(CASE WHEN d.qualified = 1 THEN 1 ELSE 0 END) AS BIGINT) AS qualified,
  CAST(SUM(CASE WHEN d.selected = 1 AND d.qualified = 1 THEN 1 ELSE 0 END) AS BIGINT) AS hits,
  CAST(SUM(CASE WHEN d.selected = 1 AND d.qualified = 0 THEN 1 ELSE 0 END) AS BIGINT) AS misses,
  CAST(SUM(CASE WHEN d.selected = 1 AND s.person IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS unsent
FROM decided AS d
LEFT JOIN group_values AS g ON g.person = d.person
LEFT JOIN (SELECT DISTINCT x.person AS person FROM sends AS x) AS s ON s.person = d.person
WHERE d.newest = 1
GROUP BY COALESCE(g.value, 'unknown')
ORDER BY COALESCE(g.value, 'unknown')
