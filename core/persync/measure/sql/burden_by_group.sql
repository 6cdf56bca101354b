-- What mail cost each group: of the people something was selected for in the period who had a message dropped (action 8); of
-- those whom one reached who left or complained; and of the messages that reached somebody how many that person neither opened
-- nor clicked (machines aside), as sums over people.
SELECT
  COALESCE(g.value, 'unknown') AS name,
  COUNT(*) AS chosen,
  CAST(SUM(CASE WHEN m.dropped > 0 THEN 1 ELSE 0 END) AS BIGINT) AS dropped,
  CAST(SUM(CASE WHEN m.arrived > 0 THEN 1 ELSE 0 END) AS BIGINT) AS reached,
  CAST(SUM(CASE WHEN m.arrived > 0 AND m.unsubscribed > 0 THEN 1 ELSE 0 END) AS BIGINT) AS unsubscribed,
  CAST(SUM(CASE WHEN m.arrived > 0 AND m.complained > 0 THEN 1 ELSE 0 END) AS BIGINT) AS complained,
  CAST(SUM(CASE WHEN m.ignored > 0 THEN 1 ELSE 0 END) AS BIGINT) AS ignorers,
  CAST(SUM(m.ignored) AS BIGINT) AS y,
  CAST(SUM(m.arrived) AS BIGINT) AS x,
  CAST(SUM(m.ignored * m.ignored) AS BIGINT) AS yy,
  CAST(SUM(m.arrived * m.arrived) AS BIGINT) AS xx,
  CAST(SUM(m.ignored * m.arrived) AS BIGINT) AS xy
FROM mail_of_people AS m
LEFT JOIN group_values AS g ON g.person = m.person
GROUP BY COALESCE(g.value, 'unknown')
ORDER BY COALESCE(g.value, 'unknown')
