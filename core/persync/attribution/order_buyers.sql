-- Every key of an order's people, so that the many touches need not be turned into people first. A table of its own, so that the
-- engine knows how few they are and looks the touches up in them, not them in the touches.
SELECT w.order_id, w.ordered_at, w.key_id
FROM order_owners AS w
UNION
SELECT w.order_id, w.ordered_at, p.key_id
FROM order_owners AS w
JOIN person_of AS p ON p.person = w.person
