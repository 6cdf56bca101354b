-- Every message of the period to a person with its local hour and weekday (0 = Monday), whether the person clicked it within
-- :click_ms, and whether it came in an hour at which they had acted before the period. The first offset is the zone's at s.sent_at.
-- 1 January 1970 was a Thursday.
local_sends AS (
  SELECT
    s.person AS person,
    s.campaign_id AS campaign_id,
    s.sent_at AS sent_at,
    CAST(MOD(CAST(FLOOR((s.sent_at + /*offset*/) / 3600000e0) AS BIGINT), 24) AS BIGINT) AS hour,
    CAST(MOD(CAST(FLOOR((s.sent_at + /*offset*/) / 86400000e0) AS BIGINT) + 3, 7) AS BIGINT) AS weekday
  FROM sends AS s),
habits AS (
  SELECT
    s.person AS person,
    CAST(MOD(CAST(FLOOR((s.at + :zone_ms) / 3600000e0) AS BIGINT), 24) AS BIGINT) AS hour,
    COUNT(*) AS acts
  FROM acted AS s
  WHERE s.at < :from_at AND s.at >= :from_at - :habit_ms
  GROUP BY s.person, CAST(MOD(CAST(FLOOR((s.at + :zone_ms) / 3600000e0) AS BIGINT), 24) AS BIGINT)),
habitual AS (SELECT h.person AS person, SUM(h.acts) AS acts FROM habits AS h GROUP BY h.person HAVING SUM(h.acts) >= 3),
answers AS (
  SELECT s.person AS person, s.campaign_id AS campaign_id, MAX(1) AS clicked
  FROM sends AS s
  JOIN touches AS t ON t.person = s.person AND t.campaign_id = s.campaign_id
  WHERE t.action = 4 AND t.reason = '' AND t.happened_at >= s.sent_at AND t.happened_at < s.sent_at + :click_ms
  GROUP BY s.person, s.campaign_id),
in_context AS (
  SELECT
    l.person AS person,
    l.hour AS hour,
    l.weekday AS weekday,
    COALESCE(a.clicked, 0) AS clicked,
    CASE WHEN b.person IS NULL THEN 0 ELSE 1 END AS has_habits,
    CASE WHEN h.person IS NULL THEN 0 ELSE 1 END AS in_hours
  FROM local_sends AS l
  LEFT JOIN answers AS a ON a.person = l.person AND a.campaign_id = l.campaign_id
  LEFT JOIN habitual AS b ON b.person = l.person
  LEFT JOIN habits AS h ON h.person = l.person AND h.hour = l.hour
  WHERE l.sent_at + :click_ms <= :until)
