-- Whose each order is. A guest's order belongs to whoever a copy of it names.
owned_orders AS (
  SELECT
    f.order_id AS order_id,
    COALESCE(
      MAX(CASE WHEN f.is_money_source = 1 THEN COALESCE(po.person, o.key_id) END),
      MIN(COALESCE(po.person, o.key_id))) AS person
  FROM order_of AS f
  JOIN orders AS o ON o.order_key = f.order_key
  LEFT JOIN person_of AS po ON po.key_id = o.key_id
  GROUP BY f.order_id)
