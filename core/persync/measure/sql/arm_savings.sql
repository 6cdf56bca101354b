-- What discounts on their orders spared each person in the window (a deal is negotiated, so it is no discount); nobody who was given
-- none.
given AS (
  SELECT d.order_key AS order_key, SUM(d.amount_minor) AS minor
  FROM order_discounts AS d
  WHERE d.amount_minor IS NOT NULL
  GROUP BY d.order_key),
spared AS (
  SELECT
    m.person AS person,
    CAST(SUM(g.minor) AS DECIMAL(18, 0)) AS minor,
    MIN(m.currency_low) AS currency_low,
    MAX(m.currency_high) AS currency_high
  FROM order_money AS m
  JOIN money_orders AS o ON o.order_id = m.order_id
  JOIN orders AS k ON k.order_key = o.order_key
  JOIN given AS g ON g.order_key = o.order_key
  WHERE m.is_counted = 1 AND m.ordered_at >= :from_at AND m.ordered_at < :to_at AND COALESCE(k.kind, 'order') <> 'deal'
  GROUP BY m.person)
