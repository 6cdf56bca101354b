-- The platforms' own totals: the last snapshot of each campaign, without its variants.
newest AS (
  SELECT cc.campaign_key AS campaign_key, MAX(cc.number) AS number
  FROM campaign_counters AS cc
  WHERE cc.variant = ''
  GROUP BY cc.campaign_key)
