-- Whom each channel reached in the period (a message sent, a click or a visit that counts), when first, and what they ordered
-- within :window_ms after it. is_known: not by their orders alone. A shop that tells of the visits before an order, and of no
-- others, knows nobody who came and did not buy: its visits reach people, but no rate can be made of them.
visitors AS (
  SELECT t.connection AS connection, MAX(CASE WHEN o.person IS NULL THEN 1 ELSE 0 END) AS is_known
  FROM touches AS t
  LEFT JOIN (
    SELECT DISTINCT COALESCE(po.person, x.key_id) AS person
    FROM orders AS x
    LEFT JOIN person_of AS po ON po.key_id = x.key_id
    WHERE x.key_id IS NOT NULL) AS o ON o.person = t.person
  WHERE t.action = 9
  GROUP BY t.connection),
channel_touches AS (
  SELECT s.person AS person, COALESCE(w.text, 'unknown') AS channel, s.sent_at AS at, 1 AS is_known
  FROM sends AS s
  LEFT JOIN bounced AS b ON b.person = s.person AND b.campaign_id = s.campaign_id
  LEFT JOIN words AS w ON w.word = s.channel
  WHERE b.person IS NULL
  UNION ALL
  SELECT t.person AS person, COALESCE(NULLIF(t.channel, ''), 'unknown') AS channel, t.happened_at AS at,
    CASE WHEN t.action = 9 THEN COALESCE(v.is_known, 1) ELSE 1 END AS is_known
  FROM touches AS t
  LEFT JOIN visitors AS v ON v.connection = t.connection
  WHERE t.reason = '' AND t.happened_at >= :from_at AND t.happened_at < :to_at),
channel_people AS (
  SELECT c.person AS person, c.channel AS channel, MAX(c.is_known) AS is_known,
    MIN(CASE WHEN c.is_known = 1 THEN c.at END) AS first_at
  FROM channel_touches AS c
  GROUP BY c.person, c.channel),
channel_orders AS (
  SELECT
    c.person AS person,
    c.channel AS channel,
    c.is_known AS is_known,
    CASE WHEN c.first_at + :window_ms > :until THEN 1 ELSE 0 END AS is_open,
    MAX(COALESCE(m.is_counted, 0)) AS has_ordered,
    CAST(SUM(COALESCE(m.revenue_minor, 0)) AS DECIMAL(18, 0)) AS revenue_minor,
    MIN(m.currency_low) AS currency_low,
    MAX(m.currency_high) AS currency_high
  FROM channel_people AS c
  LEFT JOIN order_money AS m ON m.person = c.person AND m.ordered_at >= c.first_at AND m.ordered_at < c.first_at + :window_ms
  GROUP BY c.person, c.channel, c.is_known, CASE WHEN c.first_at + :window_ms > :until THEN 1 ELSE 0 END)
