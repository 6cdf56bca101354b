-- The 50 % point of length and of days with the ranks that bound it (binomial), and how many orders there are.
-- Ranks are 1 to n; :half_width is the normal quantile over 2, times the root of n.
ranked AS (
  SELECT
    CAST(s.length AS DOUBLE) AS length,
    s.days AS days,
    ROW_NUMBER() OVER (ORDER BY s.length, s.days, s.order_id) AS rank_length,
    ROW_NUMBER() OVER (ORDER BY s.days, s.length, s.order_id) AS rank_days,
    COUNT(*) OVER () AS n
  FROM shaped AS s),
bounded AS (
  SELECT
    r.*,
    FLOOR((r.n + 1) / 2e0) AS middle_low,
    FLOOR((r.n + 2) / 2e0) AS middle_high,
    GREATEST(1e0, FLOOR(r.n / 2e0 - :quantile * SQRT(CAST(r.n AS DOUBLE)) / 2e0)) AS low,
    LEAST(CAST(r.n AS DOUBLE), 1e0 + FLOOR(1e0 + r.n / 2e0 + :quantile * SQRT(CAST(r.n AS DOUBLE)) / 2e0)) AS high
  FROM ranked AS r)
SELECT
  MAX(b.n) AS orders,
  (SELECT COUNT(DISTINCT s.customer) FROM shaped AS s) AS people,
  AVG(b.length) AS mean_length,
  AVG(b.days) AS mean_days,
  AVG(CASE WHEN b.rank_length = b.middle_low OR b.rank_length = b.middle_high THEN b.length END) AS median_length,
  MIN(CASE WHEN b.rank_length = b.low THEN b.length END) AS low_length,
  MIN(CASE WHEN b.rank_length = b.high THEN b.length END) AS high_length,
  AVG(CASE WHEN b.rank_days = b.middle_low OR b.rank_days = b.middle_high THEN b.days END) AS median_days,
  MIN(CASE WHEN b.rank_days = b.low THEN b.days END) AS low_days,
  MIN(CASE WHEN b.rank_days = b.high THEN b.days END) AS high_days
FROM bounded AS b
