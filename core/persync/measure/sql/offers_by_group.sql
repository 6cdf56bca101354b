-- What each customer of the period paid (all parts, tax and shipping among them, but no gift cards: order_money at gross) and was
-- spared, what was paid by piece where every line of the order tells how many, and how many orders were sent for nothing (no sale
-- of shipping is in their ledger; one that was refunded later had been charged). A deal is negotiated, so it is no offer.
cards AS (
  SELECT ol.order_key AS order_key, CAST(SUM(ol.amount_minor) AS BIGINT) AS minor
  FROM order_ledger AS ol
  WHERE ol.part = 'gift_card'
  GROUP BY ol.order_key),
given AS (
  SELECT d.order_key AS order_key, SUM(d.amount_minor) AS minor
  FROM order_discounts AS d
  WHERE d.amount_minor IS NOT NULL
  GROUP BY d.order_key),
carried AS (
  SELECT ol.order_key AS order_key, SUM(GREATEST(ol.amount_minor, 0)) AS minor
  FROM order_ledger AS ol
  WHERE ol.part = 'shipping'
  GROUP BY ol.order_key),
pieces AS (
  SELECT
    l.order_key AS order_key,
    SUM(CASE WHEN COALESCE(l.current_quantity, l.quantity) IS NULL THEN 1 ELSE 0 END) AS untold,
    SUM(COALESCE(l.current_quantity, l.quantity)) AS pieces
  FROM order_lines AS l
  WHERE COALESCE(l.is_gift_card, 0) = 0
  GROUP BY l.order_key),
bought AS (
  SELECT
    m.person AS person,
    m.revenue_minor - COALESCE(c.minor, 0) AS paid,
    COALESCE(g.minor, 0) AS given,
    CASE WHEN p.untold = 0 AND p.pieces > 0 THEN p.pieces ELSE 0 END AS pieces,
    CASE WHEN s.minor > 0 THEN 0 ELSE 1 END AS is_free,
    m.currency_low AS currency_low,
    m.currency_high AS currency_high
  FROM order_money AS m
  JOIN money_orders AS o ON o.order_id = m.order_id
  JOIN orders AS k ON k.order_key = o.order_key
  LEFT JOIN cards AS c ON c.order_key = o.order_key
  LEFT JOIN given AS g ON g.order_key = o.order_key
  LEFT JOIN carried AS s ON s.order_key = o.order_key
  LEFT JOIN pieces AS p ON p.order_key = o.order_key
  WHERE m.person IS NOT NULL AND m.is_counted = 1 AND m.ordered_at >= :from_at AND m.ordered_at < :to_at
    AND COALESCE(k.kind, 'order') <> 'deal'),
customer_offers AS (
  SELECT
    b.person AS person,
    SUM(b.given) * 1e0 AS given,
    (SUM(b.paid) + SUM(b.given)) * 1e0 AS listed,
    SUM(CASE WHEN b.pieces > 0 THEN b.paid ELSE 0 END) * 1e0 AS paid,
    SUM(b.pieces) * 1e0 AS pieces,
    SUM(b.is_free) * 1e0 AS free,
    COUNT(*) * 1e0 AS orders,
    MIN(b.currency_low) AS currency_low,
    MAX(b.currency_high) AS currency_high
  FROM bought AS b
  GROUP BY b.person)
