-- What became of the messages selected for each person in the period: dropped, arrived (sent and not bounced), ignored (arrived,
-- neither opened nor clicked by the person), and of those that arrived left after, complained of.
mail_of_messages AS (
  SELECT
    COALESCE(po.person, t.key_id) AS person,
    COALESCE(co.campaign_id, t.campaign_key) AS campaign_id,
    MAX(CASE WHEN t.action IN (1, 2) THEN 1 ELSE 0 END) AS sent,
    MAX(CASE WHEN t.action IN (3, 4) AND COALESCE(t.is_machine, 0) = 0 THEN 1 ELSE 0 END) AS answered,
    MAX(CASE WHEN t.action = 5 THEN 1 ELSE 0 END) AS bounced,
    MAX(CASE WHEN t.action = 6 THEN 1 ELSE 0 END) AS unsubscribed,
    MAX(CASE WHEN t.action = 7 THEN 1 ELSE 0 END) AS complained,
    MAX(CASE WHEN t.action = 8 THEN 1 ELSE 0 END) AS dropped
  FROM touchpoints AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id
  LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key
  WHERE t.action <= 8 AND t.happened_at >= :from_at AND t.happened_at < :to_at
  GROUP BY COALESCE(po.person, t.key_id), COALESCE(co.campaign_id, t.campaign_key)),
mail_of_people AS (
  SELECT
    s.person AS person,
    SUM(s.dropped) AS dropped,
    SUM(CASE WHEN s.sent = 1 AND s.bounced = 0 THEN 1 ELSE 0 END) AS arrived,
    SUM(CASE WHEN s.sent = 1 AND s.bounced = 0 AND s.answered = 0 THEN 1 ELSE 0 END) AS ignored,
    SUM(CASE WHEN s.sent = 1 AND s.bounced = 0 THEN s.unsubscribed ELSE 0 END) AS unsubscribed,
    SUM(CASE WHEN s.sent = 1 AND s.bounced = 0 THEN s.complained ELSE 0 END) AS complained
  FROM mail_of_messages AS s
  WHERE s.sent = 1 OR s.dropped = 1
  GROUP BY s.person)
