-- Who got personalised mail (level 2 or above) and who got none: `personalised` and `generic` (0 or 1, at most a name). Whoever
-- got a message of unknown level and none above 1 is in neither.
exposed AS (
  SELECT
    d.person AS person,
    CASE WHEN d.highest >= 2 THEN 'personalised' ELSE 'generic' END AS side
  FROM doses AS d
  WHERE d.highest >= 2 OR (d.unlabelled = 0 AND d.highest IS NOT NULL)),
sliced AS (
  SELECT
    s.person AS person,
    s.campaign_id AS campaign_id,
    s.connection AS connection,
    s.sent_at AS sent_at,
    s.last_sent_at AS last_sent_at,
    s.level AS level,
    e.side AS d0
  FROM sends AS s
  JOIN exposed AS e ON e.person = s.person)
