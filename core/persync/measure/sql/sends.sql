-- One row a person and campaign of the period: when it was first sent, and its personalisation level (null = unknown;
-- campaign_grades says it where the message itself does not).
-- Actions 1 and 2 are send and deliver: some platforms tell only one of them.
sent AS (
  SELECT
    COALESCE(po.person, t.key_id) AS person,
    COALESCE(co.campaign_id, t.campaign_key) AS campaign_id,
    t.connection AS connection,
    t.channel AS channel,
    MIN(t.happened_at) AS sent_at,
    MAX(t.happened_at) AS last_sent_at,
    MAX(t.level) AS level
  FROM touchpoints AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id
  LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key
  WHERE t.action IN (1, 2) AND t.happened_at >= :from_at AND t.happened_at < :to_at
  GROUP BY COALESCE(po.person, t.key_id), COALESCE(co.campaign_id, t.campaign_key), t.connection, t.channel),
sends AS (
  SELECT
    s.person AS person,
    s.campaign_id AS campaign_id,
    s.connection AS connection,
    s.channel AS channel,
    s.sent_at AS sent_at,
    s.last_sent_at AS last_sent_at,
    COALESCE(s.level, g.level) AS level
  FROM sent AS s
  LEFT JOIN campaign_grades AS g ON g.campaign_id = s.campaign_id)
