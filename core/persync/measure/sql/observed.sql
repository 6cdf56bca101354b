-- Who was mailed in the period: their first message, whether it was personalised, and what they bought in the windows of
-- :window_ms after it and just before it, and in the year before that. Whose window is not over at :until is left out.
firsts AS (
  SELECT s.person AS person, s.sent_at AS first_at, s.level AS level,
    ROW_NUMBER() OVER (PARTITION BY s.person ORDER BY s.sent_at, COALESCE(s.level, -1) DESC, s.campaign_id) AS place
  FROM sends AS s),
observed AS (
  SELECT
    f.person AS person,
    CASE WHEN f.level >= 2 THEN 1 ELSE 0 END AS treated,
    MAX(CASE WHEN m.ordered_at >= f.first_at THEN m.is_counted ELSE 0 END) AS bought,
    SUM(CASE WHEN m.ordered_at >= f.first_at THEN m.revenue_minor ELSE 0 END) AS revenue,
    SUM(CASE WHEN m.ordered_at < f.first_at AND m.ordered_at >= f.first_at - :window_ms THEN m.revenue_minor ELSE 0 END) AS placebo,
    SUM(CASE WHEN m.ordered_at < f.first_at - :window_ms THEN m.is_counted ELSE 0 END) AS orders_before,
    SUM(CASE WHEN m.ordered_at < f.first_at - :window_ms THEN m.revenue_minor ELSE 0 END) AS revenue_before,
    MIN(CASE WHEN m.ordered_at < f.first_at - :window_ms AND m.is_counted = 1
      THEN (f.first_at - :window_ms - m.ordered_at) / 86400000e0 ELSE 365e0 END) AS days_since,
    MIN(m.currency_low) AS currency_low,
    MAX(m.currency_high) AS currency_high
  FROM firsts AS f
  LEFT JOIN order_money AS m
    ON m.person = f.person AND m.ordered_at < f.first_at + :window_ms AND m.ordered_at >= f.first_at - :window_ms - 31536000000
  WHERE f.place = 1 AND f.level IS NOT NULL AND f.first_at + :window_ms <= :until
  GROUP BY f.person, f.level)
