-- Whose message bounced.
bounced AS (
  SELECT DISTINCT COALESCE(po.person, t.key_id) AS person, COALESCE(co.campaign_id, t.campaign_key) AS campaign_id
  FROM touchpoints AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id
  LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key
  WHERE t.action = 5)
