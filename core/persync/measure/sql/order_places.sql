-- The orders of the period that count, each with its slices, its bucket for drawing customers, and its place by size in its slice;
-- `median`, `low_cut` and `high_cut` are the slice's: the mean of its two middle orders, and the smallest and largest left when
-- the outer tenths are cut off. A guest without a person is a customer of its own.
sized AS (
  SELECT
    m.order_id AS order_id,
    COALESCE(m.person, -m.order_id) AS customer,
    MOD(COALESCE(h.hash, ABS(m.person), m.order_id), /*buckets*/) AS bucket,
    m.revenue_minor AS revenue_minor,
    m.currency_low AS currency_low,
    m.currency_high AS currency_high/*columns*/
  FROM order_money AS m
  LEFT JOIN hashed AS h ON h.person = m.person/*joins*/
  WHERE m.is_counted = 1 AND m.ordered_at >= :from_at AND m.ordered_at < :to_at),
placed AS (
  SELECT
    s.*,
    ROW_NUMBER() OVER (/*partition*/ORDER BY s.revenue_minor, s.order_id) AS place,
    COUNT(*) OVER (/*whole*/) AS orders
  FROM sized AS s),
order_places AS (
  SELECT
    p.*,
    AVG(CASE WHEN 2 * p.place >= p.orders AND 2 * p.place <= p.orders + 2 THEN CAST(p.revenue_minor AS DOUBLE) END)
      OVER (/*whole of p*/) AS median,
    MAX(CASE WHEN p.place = FLOOR(p.orders / 10e0) + 1 THEN p.revenue_minor END) OVER (/*whole of p*/) AS low_cut,
    MAX(CASE WHEN p.place = p.orders - FLOOR(p.orders / 10e0) THEN p.revenue_minor END) OVER (/*whole of p*/) AS high_cut
  FROM placed AS p)
