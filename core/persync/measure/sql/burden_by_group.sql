-- What mail cost each group: of the people something was selected for in the period who had a message dropped (action 8); and of
-- the messages that reached somebody how many that person neither opened nor clicked (machines aside), left after or complained
-- of, as sums over people: by person, squared, and times the messages that reached them.
SELECT
  COALESCE(g.value, 'unknown') AS name,
  COUNT(*) AS chosen,
  CAST(SUM(CASE WHEN m.dropped > 0 THEN 1 ELSE 0 END) AS BIGINT) AS dropped,
  CAST(SUM(CASE WHEN m.arrived > 0 THEN 1 ELSE 0 END) AS BIGINT) AS reached,
  CAST(SUM(CASE WHEN m.ignored > 0 THEN 1 ELSE 0 END) AS BIGINT) AS ignored_people,
  CAST(SUM(m.ignored) AS BIGINT) AS ignored,
  CAST(SUM(m.ignored * m.ignored) AS BIGINT) AS ignored_squared,
  CAST(SUM(m.ignored * m.arrived) AS BIGINT) AS ignored_by_arrived,
  CAST(SUM(CASE WHEN m.unsubscribed > 0 THEN 1 ELSE 0 END) AS BIGINT) AS unsubscribed_people,
  CAST(SUM(m.unsubscribed) AS BIGINT) AS unsubscribed,
  CAST(SUM(m.unsubscribed * m.unsubscribed) AS BIGINT) AS unsubscribed_squared,
  CAST(SUM(m.unsubscribed * m.arrived) AS BIGINT) AS unsubscribed_by_arrived,
  CAST(SUM(CASE WHEN m.complained > 0 THEN 1 ELSE 0 END) AS BIGINT) AS complained_people,
  CAST(SUM(m.complained) AS BIGINT) AS complained,
  CAST(SUM(m.complained * m.complained) AS BIGINT) AS complained_squared,
  CAST(SUM(m.complained * m.arrived) AS BIGINT) AS complained_by_arrived,
  CAST(SUM(m.arrived) AS BIGINT) AS arrived,
  CAST(SUM(m.arrived * m.arrived) AS BIGINT) AS arrived_squared
FROM mail_of_people AS m
LEFT JOIN group_values AS g ON g.person = m.person
GROUP BY COALESCE(g.value, 'unknown')
ORDER BY COALESCE(g.value, 'unknown')
