-- What each person received: sends, sends of level 2 and above, and sends whose level is unknown.
doses AS (
  SELECT
    s.person AS person,
    COUNT(*) AS sends,
    SUM(CASE WHEN s.level >= 2 THEN 1 ELSE 0 END) AS personalised,
    SUM(CASE WHEN s.level IS NULL THEN 1 ELSE 0 END) AS unlabelled,
    MAX(s.level) AS highest
  FROM sends AS s
  GROUP BY s.person)
