SELECT
  ck.key AS msg,
  COALESCE(c.title, c.subject, ck.key) AS title,
  n.name AS connection,
  cl.level AS level,
  c.sent_at AS sent_at,
  cc.sent AS sent,
  COALESCE(cc.delivered, cc.sent - COALESCE(cc.hard_bounces, 0) - COALESCE(cc.soft_bounces, 0)) AS delivered,
  CASE WHEN cc.hard_bounces IS NULL AND cc.soft_bounces IS NULL AND cc.delivered IS NULL THEN 0 ELSE 1 END AS has_bounces,
  CASE WHEN c.counts_opens = 0 THEN NULL ELSE cc.unique_opens END AS unique_opens,
  CASE WHEN c.counts_opens = 0 THEN NULL ELSE cc.unique_human_opens END AS unique_human_opens,
  CASE WHEN c.counts_clicks = 0 THEN NULL ELSE cc.unique_clicks END AS unique_clicks,
  cc.unsubscribes AS unsubscribes,
  cc.complaints AS complaints
FROM newest AS w
JOIN campaign_counters AS cc ON cc.campaign_key = w.campaign_key AND cc.variant = '' AND cc.number = w.number
LEFT JOIN campaigns AS c ON c.campaign_key = cc.campaign_key
LEFT JOIN campaign_keys AS ck ON ck.campaign_key = cc.campaign_key
LEFT JOIN connections AS n ON n.connection = c.connection
LEFT JOIN campaign_levels AS cl ON cl.campaign_key = cc.campaign_key
WHERE COALESCE(c.sent_at, c.created_at, :from_at) >= :from_at AND COALESCE(c.sent_at, c.created_at, :from_at) < :to_at
ORDER BY n.name, ck.key
