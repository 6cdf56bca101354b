-- What each person of a slice bought within :window_ms after the first message of the slice that reached them.
-- is_open: that window is not over at :until.
reached AS (
  SELECT x.person AS person/*columns*/, MIN(x.sent_at) AS first_at
  FROM sliced AS x
  LEFT JOIN bounced AS b ON b.person = x.person AND b.campaign_id = x.campaign_id
  WHERE b.person IS NULL
  GROUP BY x.person/*grouping*/),
after_mail AS (
  SELECT
    x.person AS person/*columns*/,
    CASE WHEN MIN(x.first_at) + :window_ms > :until THEN 1 ELSE 0 END AS is_open,
    MAX(COALESCE(m.is_counted, 0)) AS has_ordered,
    CAST(SUM(COALESCE(m.is_counted, 0)) AS BIGINT) AS orders,
    CAST(SUM(COALESCE(m.revenue_minor, 0)) AS DECIMAL(18, 0)) AS revenue_minor,
    MIN(m.currency_low) AS currency_low,
    MAX(m.currency_high) AS currency_high
  FROM reached AS x
  LEFT JOIN order_money AS m
    ON m.person = x.person AND m.ordered_at >= x.first_at AND m.ordered_at < x.first_at + :window_ms
  GROUP BY x.person/*grouping*/)
