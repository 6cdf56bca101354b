-- Who clicked a campaign: people's clicks alone, as attribution's `touches` tells them from machines, scanners and the
-- unsubscribe link.
clickers AS (
  SELECT DISTINCT t.person AS person, t.campaign_id AS campaign_id
  FROM touches AS t
  WHERE t.action = 4 AND t.reason = '')
