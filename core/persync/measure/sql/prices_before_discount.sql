-- Where a discount on an item begins in the period (no order with one for :days days before), what a piece of it cost without a
-- discount in those days, before tax and with the order's rate of it: the lowest price and the last. Prices are those that orders
-- were paid at: whole orders without any discount tell them, in one currency. A discount that a person gave by hand is no offer.
taxes AS (
  SELECT
    e.order_key AS order_key,
    SUM(CASE WHEN e.part = 'tax' THEN e.amount_minor ELSE 0 END) * 1e0 AS tax,
    SUM(CASE WHEN e.part IN ('product', 'shipping', 'fee') THEN e.amount_minor ELSE 0 END) * 1e0 AS taxed
  FROM order_ledger AS e
  WHERE e.event = 'sale'
  GROUP BY e.order_key),
priced AS (
  SELECT
    COALESCE(NULLIF(l.sku, ''), l.product) AS item,
    l.product AS product,
    m.currency AS currency,
    CAST(FLOOR(m.ordered_at / 86400000e0) AS BIGINT) AS day,
    COALESCE(d.is_offer, -1) AS offered,
    l.price_minor * 1e0 / l.current_quantity AS net,
    l.price_minor * (1e0 + CASE WHEN w.taxed > 0 THEN w.tax / w.taxed ELSE 0e0 END) / l.current_quantity AS gross
  FROM money_orders AS m
  JOIN order_lines AS l ON l.order_key = m.order_key
  LEFT JOIN taxes AS w ON w.order_key = m.order_key
  LEFT JOIN (
    SELECT x.order_key AS order_key, MAX(CASE WHEN x.kind IN ('code', 'automatic') THEN 1 ELSE 0 END) AS is_offer
    FROM order_discounts AS x
    GROUP BY x.order_key) AS d ON d.order_key = m.order_key
  WHERE m.is_counted = 1 AND m.ordered_at < :to_at AND COALESCE(l.is_gift_card, 0) = 0 AND l.current_quantity > 0
    AND l.price_minor > 0),
offers AS (
  SELECT
    o.item AS item,
    o.currency AS currency,
    o.day AS day,
    o.day - LAG(o.day) OVER (PARTITION BY o.item, o.currency ORDER BY o.day) AS since
  FROM (SELECT DISTINCT p.item AS item, p.currency AS currency, p.day AS day FROM priced AS p WHERE p.offered = 1) AS o
  WHERE o.item IS NOT NULL),
days_before AS (
  SELECT
    o.item AS item,
    o.currency AS currency,
    o.day AS day,
    p.day AS at,
    MIN(p.net) AS net,
    MIN(p.gross) AS gross,
    MAX(p.day) OVER (PARTITION BY o.item, o.currency, o.day) AS last_at
  FROM offers AS o
  JOIN priced AS p ON p.item = o.item AND p.currency = o.currency AND p.offered = -1 AND p.day < o.day AND p.day >= o.day - :days
  WHERE (o.since IS NULL OR o.since > :days) AND o.day >= FLOOR(:from_at / 86400000e0)
  GROUP BY o.item, o.currency, o.day, p.day)
SELECT
  b.item AS item,
  MAX(t.title) AS title,
  b.currency AS currency,
  b.day AS day,
  COUNT(*) AS days,
  MIN(b.net) AS lowest_net,
  MAX(CASE WHEN b.at = b.last_at THEN b.net END) AS last_net,
  MIN(b.gross) AS lowest_gross,
  MAX(CASE WHEN b.at = b.last_at THEN b.gross END) AS last_gross
FROM days_before AS b
LEFT JOIN (
  SELECT p.item AS item, MAX(q.title) AS title
  FROM priced AS p
  JOIN products AS q ON q.product = p.product
  GROUP BY p.item) AS t ON t.item = b.item
GROUP BY b.item, b.currency, b.day
ORDER BY b.day DESC, b.item, b.currency
