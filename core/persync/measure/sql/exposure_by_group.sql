SELECT
  COALESCE(g.value, 'unknown') AS name,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN d.personalised > 0 THEN 1 ELSE 0 END) AS BIGINT) AS exposed,
  CAST(SUM(CASE WHEN d.personalised = 0 AND d.unlabelled > 0 THEN 1 ELSE 0 END) AS BIGINT) AS unclear,
  CAST(SUM(CASE WHEN d.sends > 0 THEN 1 ELSE 0 END) AS BIGINT) AS reached,
  CAST(SUM(COALESCE(d.sends, 0)) AS BIGINT) AS sends,
  CAST(SUM(COALESCE(d.sends * d.sends, 0)) AS BIGINT) AS sends_squared,
  CAST(SUM(COALESCE(d.personalised, 0)) AS BIGINT) AS dose,
  CAST(SUM(COALESCE(d.personalised * d.personalised, 0)) AS BIGINT) AS dose_squared,
  CAST(SUM(CASE WHEN d.unlabelled = 0 THEN 1 ELSE 0 END) AS BIGINT) AS labelled,
  CAST(SUM(CASE WHEN d.unlabelled = 0 AND d.highest > 0 THEN 1 ELSE 0 END) AS BIGINT) AS above,
  CAST(SUM(CASE WHEN d.unlabelled = 0 THEN d.highest ELSE 0 END) AS BIGINT) AS level,
  CAST(SUM(CASE WHEN d.unlabelled = 0 THEN d.highest * d.highest ELSE 0 END) AS BIGINT) AS level_squared
FROM audience AS a
LEFT JOIN doses AS d ON d.person = a.person
LEFT JOIN group_values AS g ON g.person = a.person
GROUP BY COALESCE(g.value, 'unknown')
ORDER BY COALESCE(g.value, 'unknown')
