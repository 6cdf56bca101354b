-- What each customer had been sent by the moment of the first order, which is age zero: nothing after it may count, or those
-- who live longer would be the ones who got more. `later`: personalised mail came only after age zero.
exposed AS (
  SELECT
    c.person AS person,
    SUM(CASE WHEN s.sent_at <= c.first_at THEN 1 ELSE 0 END) AS sends,
    MAX(CASE WHEN s.sent_at <= c.first_at THEN s.level END) AS level,
    SUM(CASE WHEN s.sent_at <= c.first_at AND s.level IS NULL THEN 1 ELSE 0 END) AS unlabelled,
    MAX(CASE WHEN s.sent_at > c.first_at AND s.level >= 2 THEN 1 ELSE 0 END) AS later
  FROM customers AS c
  JOIN sends AS s ON s.person = c.person
  GROUP BY c.person),
exposure_groups AS (
  SELECT
    e.person AS person,
    CASE WHEN e.level >= 2 THEN 'personalised' WHEN e.sends > 0 AND e.unlabelled = 0 THEN 'generic' ELSE 'none' END AS exposure,
    e.later AS later
  FROM exposed AS e)
