-- How personal each campaign is, where all its messages are of one level.
campaign_grades AS (
  SELECT COALESCE(co.campaign_id, cl.campaign_key) AS campaign_id, MAX(cl.level) AS level
  FROM campaign_levels AS cl
  LEFT JOIN campaign_of AS co ON co.campaign_key = cl.campaign_key
  GROUP BY COALESCE(co.campaign_id, cl.campaign_key))
