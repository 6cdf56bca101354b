-- Everybody on each order that claims are held against.
SELECT DISTINCT o.order_id, o.ordered_at, COALESCE(p.person, k.key_id) AS person
FROM claim_orders AS o
JOIN order_of AS f ON f.order_id = o.order_id
JOIN (
    SELECT s.order_key, s.key_id FROM orders AS s WHERE s.key_id IS NOT NULL
    UNION ALL
    SELECT x.order_key, x.key_id FROM order_people AS x
) AS k ON k.order_key = f.order_key
LEFT JOIN person_of AS p ON p.key_id = k.key_id
