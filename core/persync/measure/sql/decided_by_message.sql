-- A message as a decision about everybody who could be mailed: who was sent it (chosen), and who ordered in the days after (bought).
decided AS (
  SELECT
    a.person AS person,
    CASE WHEN c.person IS NULL THEN 0 ELSE 1 END AS selected,
    CAST(NULL AS DOUBLE) AS score,
    CASE WHEN o.person IS NULL THEN 0 ELSE 1 END AS qualified,
    b.first_at AS decided_at,
    1 AS newest
  FROM audience AS a
  CROSS JOIN begun AS b
  LEFT JOIN chosen AS c ON c.person = a.person
  LEFT JOIN bought AS o ON o.person = a.person)
