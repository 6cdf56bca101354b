SELECT
  COALESCE(MAX(CASE WHEN t.action = 8 THEN 1 ELSE 0 END), 0) AS dropped,
  COALESCE(MAX(CASE WHEN t.action IN (3, 4) THEN 1 ELSE 0 END), 0) AS answered,
  COALESCE(MAX(CASE WHEN t.action = 6 THEN 1 ELSE 0 END), 0) AS unsubscribed,
  COALESCE(MAX(CASE WHEN t.action = 7 THEN 1 ELSE 0 END), 0) AS complained
FROM touchpoints AS t
