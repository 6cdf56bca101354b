-- What each group paid in the period: money and discounts by customer, and money by piece where the lines of orders are known.
given AS (
  SELECT m.order_id AS order_id, SUM(d.amount_minor) AS minor
  FROM money_orders AS m
  JOIN order_discounts AS d ON d.order_key = m.order_key
  WHERE d.amount_minor IS NOT NULL
  GROUP BY m.order_id),
pieces AS (
  SELECT m.order_id AS order_id, SUM(COALESCE(l.current_quantity, l.quantity)) AS pieces
  FROM money_orders AS m
  JOIN order_lines AS l ON l.order_key = m.order_key
  WHERE COALESCE(l.is_gift_card, 0) = 0
  GROUP BY m.order_id),
customer_offers AS (
  SELECT
    m.person AS person,
    SUM(COALESCE(g.minor, 0)) * 1e0 AS given,
    (SUM(m.revenue_minor) + SUM(COALESCE(g.minor, 0))) * 1e0 AS listed,
    SUM(COALESCE(CASE WHEN p.pieces > 0 THEN m.revenue_minor END, 0)) * 1e0 AS paid,
    SUM(COALESCE(CASE WHEN p.pieces > 0 THEN p.pieces END, 0)) * 1e0 AS pieces,
    MIN(m.currency_low) AS currency_low,
    MAX(m.currency_high) AS currency_high
  FROM order_money AS m
  LEFT JOIN given AS g ON g.order_id = m.order_id
  LEFT JOIN pieces AS p ON p.order_id = m.order_id
  WHERE m.person IS NOT NULL AND m.is_counted = 1 AND m.ordered_at >= :from_at AND m.ordered_at < :to_at
  GROUP BY m.person)
