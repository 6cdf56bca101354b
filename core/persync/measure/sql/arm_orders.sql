-- What each person of an arm bought in the window, with zero for those who bought nothing; then one row an arm and group.
-- Squares are summed as decimals: 18 digits squared fit into 38, so nothing is rounded.
bought AS (
  SELECT
    m.person AS person,
    MAX(m.is_counted) AS has_ordered,
    SUM(m.revenue_minor) AS revenue_minor,
    MIN(m.currency_low) AS currency_low,
    MAX(m.currency_high) AS currency_high
  FROM order_money AS m
  WHERE m.ordered_at >= :from_at AND m.ordered_at < :to_at
  GROUP BY m.person),
spent AS (
  SELECT
    a.arm AS arm,
    a.person AS person,
    COALESCE(b.has_ordered, 0) AS has_ordered,
    CAST(COALESCE(b.revenue_minor, 0) AS DECIMAL(18, 0)) AS revenue_minor,
    b.currency_low AS currency_low,
    b.currency_high AS currency_high
  FROM arms AS a
  LEFT JOIN bought AS b ON b.person = a.person)
