-- What people bought: one row a person, counted order and product, with its kind (else its name) and whether the period has it.
-- Guests are nobody whose habits could be known.
baskets AS (
  SELECT
    w.person AS person,
    m.order_id AS order_id,
    m.ordered_at AS ordered_at,
    CONCAT(CAST(m.connection AS VARCHAR(20)), ':', COALESCE(l.product, l.sku)) AS product,
    MAX(COALESCE(NULLIF(u.kind, ''), NULLIF(u.title, ''), l.product, l.sku)) AS kind,
    SUM(COALESCE(l.quantity, 1)) AS pieces,
    MAX(CASE WHEN m.ordered_at >= :from_at AND m.ordered_at < :to_at THEN 1 ELSE 0 END) AS is_asked
  FROM money_orders AS m
  JOIN owned_orders AS w ON w.order_id = m.order_id
  JOIN order_lines AS l ON l.order_key = m.order_key
  LEFT JOIN products AS u ON u.connection = m.connection AND u.product = l.product
  WHERE m.is_counted = 1 AND w.person IS NOT NULL AND COALESCE(l.is_gift_card, 0) = 0 AND COALESCE(l.product, l.sku) IS NOT NULL
  GROUP BY w.person, m.order_id, m.ordered_at, m.connection, COALESCE(l.product, l.sku))
