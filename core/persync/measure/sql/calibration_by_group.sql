-- How far each group's outcomes lie from its scores, by tenths of the score; score and outcome of each person are 0 to 1.
SELECT
  COALESCE(g.value, 'unknown') AS name,
  CAST(CASE WHEN d.score >= 1 THEN 9 ELSE FLOOR(d.score * 10e0) END AS BIGINT) AS tenth,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN d.qualified = 1 THEN 1 ELSE 0 END) AS BIGINT) AS qualified,
  SUM(d.score) AS score,
  MAX(d.score) AS highest,
  SUM(d.qualified - d.score) AS gap,
  SUM((d.qualified - d.score) * (d.qualified - d.score)) AS gap_squared
FROM decided AS d
LEFT JOIN group_values AS g ON g.person = d.person
WHERE d.newest = 1 AND d.score IS NOT NULL AND d.qualified IS NOT NULL
GROUP BY COALESCE(g.value, 'unknown'), CASE WHEN d.score >= 1 THEN 9 ELSE FLOOR(d.score * 10e0) END
ORDER BY COALESCE(g.value, 'unknown'), 2
