-- Whose each order is when customers are drawn: their hash (or, above a limit, a bucket of customers with equal MOD(hash, :buckets)).
-- Guests without a key are customers of their own, told apart by the time of their order.
SELECT m.order_id, MOD(COALESCE(p.hash, ABS(m.ordered_at), 0), :buckets) AS customer
FROM money_orders AS m
JOIN orders AS o ON o.order_key = m.order_key
LEFT JOIN person_of AS p ON p.key_id = o.key_id
