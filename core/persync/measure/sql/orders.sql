-- One row an order (not a copy of it): whose it is, when it was placed, its state. Test orders are not here at all, and a
-- deal is an order only once it is won.
order_copies AS (
  SELECT
    oo.order_id AS order_id,
    MAX(CASE WHEN oo.is_money_source = 1 THEN o.order_key END) AS order_key,
    COALESCE(
      MAX(CASE WHEN oo.is_money_source = 1 THEN COALESCE(po.person, o.key_id) END),
      MIN(COALESCE(po.person, o.key_id))) AS person,
    COALESCE(MAX(CASE WHEN oo.is_money_source = 1 THEN o.ordered_at END), 0) AS ordered_at,
    MAX(CASE WHEN oo.is_money_source = 1 THEN o.kind END) AS kind,
    MAX(CASE WHEN oo.is_money_source = 1 THEN o.status END) AS status,
    MAX(CASE WHEN oo.is_money_source = 1 AND o.cancelled_at IS NOT NULL THEN 1 ELSE 0 END) AS is_cancelled,
    MAX(COALESCE(o.is_test, 0)) AS is_test
  FROM order_of AS oo
  JOIN orders AS o ON o.order_key = oo.order_key
  LEFT JOIN person_of AS po ON po.key_id = o.key_id
  GROUP BY oo.order_id),
order_facts AS (
  SELECT
    c.order_id AS order_id,
    c.order_key AS order_key,
    c.person AS person,
    c.ordered_at AS ordered_at,
    c.status AS status,
    c.is_cancelled AS is_cancelled
  FROM order_copies AS c
  WHERE c.is_test = 0
    AND c.order_key IS NOT NULL
    AND (COALESCE(c.kind, 'order') <> 'deal' OR c.status = 'won'))
