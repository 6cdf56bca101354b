-- How many of the people who could be mailed each group has (kind ''), and how many of them each segment and each message takes.
SELECT '' AS kind, 0 AS number, '' AS rule, g.value AS value, COUNT(*) AS people
FROM audience AS a
JOIN group_values AS g ON g.person = a.person
WHERE g.value IS NOT NULL
GROUP BY g.value
UNION ALL
SELECT
  t.kind AS kind,
  t.number AS number,
  COALESCE(CASE WHEN t.kind = 'segment' THEN MAX(COALESCE(s.name, s.vendor_id)) ELSE MAX(c.title) END, t.kind) AS rule,
  g.value AS value,
  COUNT(DISTINCT t.person) AS people
FROM taken AS t
JOIN audience AS a ON a.person = t.person
JOIN group_values AS g ON g.person = t.person
LEFT JOIN segments AS s ON s.segment_id = t.number AND t.kind = 'segment'
LEFT JOIN campaigns AS c ON c.campaign_key = t.number AND t.kind = 'message'
WHERE g.value IS NOT NULL
GROUP BY t.kind, t.number, g.value
ORDER BY 1, 2, 3, 4
