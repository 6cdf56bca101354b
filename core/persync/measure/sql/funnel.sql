-- How far each person mailed in the period came within :window_ms of their first message. Each later step implies the earlier
-- ones of the site: whoever ordered was there, even where no visit was seen.
mailed AS (
  SELECT
    s.person AS person,
    MIN(s.sent_at) AS first_at,
    MAX(CASE WHEN b.person IS NULL THEN 1 ELSE 0 END) AS delivered
  FROM sends AS s
  LEFT JOIN bounced AS b ON b.person = s.person AND b.campaign_id = s.campaign_id
  GROUP BY s.person),
human_opens AS (
  SELECT COALESCE(po.person, t.key_id) AS person, t.happened_at AS at
  FROM touchpoints AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id
  WHERE t.action = 3 AND t.is_machine = 0),
begun AS (
  SELECT COALESCE(po.person, c.key_id) AS person, c.created_at AS at
  FROM carts AS c
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  WHERE c.key_id IS NOT NULL AND c.created_at IS NOT NULL),
happened AS (
  SELECT o.person AS person, o.at AS at, 1 AS step FROM human_opens AS o
  UNION ALL
  SELECT t.person AS person, t.happened_at AS at, CASE WHEN t.action = 4 THEN 2 ELSE 3 END AS step
  FROM touches AS t
  WHERE t.reason = ''
  UNION ALL
  SELECT COALESCE(po.person, v.key_id) AS person, v.started_at AS at, 3 AS step
  FROM sessions AS v
  LEFT JOIN person_of AS po ON po.key_id = v.key_id
  WHERE v.key_id IS NOT NULL
  UNION ALL
  SELECT c.person AS person, c.at AS at, 4 AS step FROM begun AS c
  UNION ALL
  SELECT m.person AS person, m.ordered_at AS at, 5 AS step
  FROM order_money AS m
  WHERE m.is_counted = 1 AND m.person IS NOT NULL),
came AS (
  SELECT
    m.person AS person,
    m.delivered AS delivered,
    CASE WHEN m.first_at + :window_ms > :until THEN 1 ELSE 0 END AS is_open,
    MAX(CASE WHEN h.step = 1 THEN 1 ELSE 0 END) AS opened,
    MAX(CASE WHEN h.step = 2 THEN 1 ELSE 0 END) AS clicked,
    MAX(CASE WHEN h.step >= 2 THEN 1 ELSE 0 END) AS visited,
    MAX(CASE WHEN h.step >= 4 THEN 1 ELSE 0 END) AS started,
    MAX(CASE WHEN h.step = 5 THEN 1 ELSE 0 END) AS ordered
  FROM mailed AS m
  LEFT JOIN happened AS h ON h.person = m.person AND h.at >= m.first_at AND h.at < m.first_at + :window_ms
  GROUP BY m.person, m.delivered, CASE WHEN m.first_at + :window_ms > :until THEN 1 ELSE 0 END)
