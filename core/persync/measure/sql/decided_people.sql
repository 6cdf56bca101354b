-- Who was decided about and what turned out; `part` is drawn by the person's stored hash, so that it is the same in every run.
SELECT
  d.person AS person,
  COALESCE(g.value, 'unknown') AS name,
  CASE WHEN d.score IS NULL THEN -1e0 ELSE d.score * 1e0 END AS score,
  CASE WHEN d.score IS NULL THEN 0 ELSE 1 END AS scored,
  d.selected AS selected,
  d.qualified AS qualified,
  MOD(COALESCE(h.hash, d.person), 4) AS part
FROM decided AS d
LEFT JOIN group_values AS g ON g.person = d.person
LEFT JOIN (
  SELECT po.person AS person, MIN(po.hash) AS hash FROM person_of AS po GROUP BY po.person) AS h ON h.person = d.person
WHERE d.newest = 1 AND d.qualified IS NOT NULL
ORDER BY d.person
