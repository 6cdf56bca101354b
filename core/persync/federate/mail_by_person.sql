-- What happened to each person's mail in the period.
-- `clicked` are campaigns clicked by a person (attribution's `touches`: no machine, no scanner, no unsubscribe link).
clicked AS (
  SELECT DISTINCT t.person AS person, t.campaign_id AS campaign_id
  FROM touches AS t
  WHERE t.action = 4 AND t.reason = '' AND t.happened_at >= :from_at AND t.happened_at < :to_at),
answered AS (
  SELECT DISTINCT
    COALESCE(po.person, t.key_id) AS person,
    COALESCE(co.campaign_id, t.campaign_key) AS campaign_id,
    t.action AS action
  FROM touchpoints AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id
  LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key
  WHERE t.action IN (6, 7) AND t.happened_at >= :from_at AND t.happened_at < :to_at),
happened AS (
  SELECT s.person AS person, 1 AS sends, CASE WHEN b.person IS NULL THEN 1 ELSE 0 END AS delivered, 0 AS clicks,
    0 AS unsubscribes, 0 AS complaints
  FROM sends AS s
  LEFT JOIN bounced AS b ON b.person = s.person AND b.campaign_id = s.campaign_id
  UNION ALL
  SELECT c.person AS person, 0 AS sends, 0 AS delivered, 1 AS clicks, 0 AS unsubscribes, 0 AS complaints
  FROM clicked AS c
  UNION ALL
  SELECT a.person AS person, 0 AS sends, 0 AS delivered, 0 AS clicks,
    CASE WHEN a.action = 6 THEN 1 ELSE 0 END AS unsubscribes, CASE WHEN a.action = 7 THEN 1 ELSE 0 END AS complaints
  FROM answered AS a),
mail_of AS (
  SELECT h.person AS person, SUM(h.sends) AS sends, SUM(h.delivered) AS delivered, SUM(h.clicks) AS clicks,
    SUM(h.unsubscribes) AS unsubscribes, SUM(h.complaints) AS complaints
  FROM happened AS h
  GROUP BY h.person),
whoever AS (
  SELECT e.person AS person FROM everybody AS e
  UNION
  SELECT h.person AS person FROM mail_of AS h)
