-- The median (mean of the two middle orders) and the mean without the tenth smallest and the tenth largest.
SELECT
  AVG(CASE WHEN 2 * p.place >= p.orders AND 2 * p.place <= p.orders + 2 THEN CAST(p.revenue_minor AS DOUBLE) END) AS median,
  AVG(CASE WHEN p.place > FLOOR(p.orders / 10e0) AND p.place <= p.orders - FLOOR(p.orders / 10e0)
      THEN CAST(p.revenue_minor AS DOUBLE) END) AS trimmed
FROM placed_orders AS p
