-- A message as a decision about everybody who could be mailed: who was sent it, and who ordered in the days after it was first sent.
chosen AS (
  SELECT s.person AS person, MIN(s.sent_at) AS sent_at
  FROM sends AS s
  WHERE s.campaign_id = :message
  GROUP BY s.person),
begun AS (SELECT MIN(c.sent_at) AS first_at FROM chosen AS c),
bought AS (
  SELECT DISTINCT m.person AS person
  FROM order_money AS m
  CROSS JOIN begun AS b
  WHERE m.person IS NOT NULL AND m.is_counted = 1 AND m.ordered_at >= b.first_at AND m.ordered_at < b.first_at + :days_ms),
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
