-- Whose order it is: one row an order and key of a person on it, by any system that saw the order; `person` is null where
-- nobody knows more of the key.
SELECT DISTINCT m.order_id, m.ordered_at, k.key_id, p.person
FROM money_orders AS m
JOIN order_of AS f ON f.order_id = m.order_id
JOIN (
    SELECT o.order_key, o.key_id FROM orders AS o WHERE o.key_id IS NOT NULL
    UNION ALL
    SELECT x.order_key, x.key_id FROM order_people AS x
) AS k ON k.order_key = f.order_key
LEFT JOIN person_of AS p ON p.key_id = k.key_id
