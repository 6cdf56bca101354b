-- Each thing counts at most :cap times a person, of what hardly anybody does twice :rare times.
SELECT
  /*group*/ AS name,
  COUNT(*) AS people,
  CAST(SUM(CASE WHEN m.sends > 0 THEN 1 ELSE 0 END) AS BIGINT) AS mailed,
  CAST(SUM(CASE WHEN d.personalised > 0 THEN 1 ELSE 0 END) AS BIGINT) AS personalised,
  CAST(SUM(CASE WHEN d.personalised = 0 AND d.unlabelled > 0 THEN 1 ELSE 0 END) AS BIGINT) AS unclear,
  CAST(SUM(CASE WHEN m.clicks > 0 THEN 1 ELSE 0 END) AS BIGINT) AS clickers,
  CAST(SUM(LEAST(COALESCE(m.sends, 0), :cap)) AS BIGINT) AS sends,
  CAST(SUM(LEAST(COALESCE(m.delivered, 0), :cap)) AS BIGINT) AS delivered,
  CAST(SUM(LEAST(COALESCE(m.clicks, 0), :cap)) AS BIGINT) AS clicks,
  CAST(SUM(LEAST(COALESCE(m.unsubscribes, 0), :rare)) AS BIGINT) AS unsubscribes,
  CAST(SUM(LEAST(COALESCE(m.complaints, 0), :rare)) AS BIGINT) AS complaints
FROM whoever AS p
LEFT JOIN mail_of AS m ON m.person = p.person
LEFT JOIN doses AS d ON d.person = p.person
/*join*/
GROUP BY /*group*/
