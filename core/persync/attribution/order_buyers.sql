-- Every key of an order's people, so that the many touches need not be turned into people first. A table of its own, so that the
-- engine knows how few they are and looks the touches up in them, not them in the touches.
-- journeys.py puts in which orders, where not all are asked for.
SELECT w.order_id, w.ordered_at, w.key_id
FROM order_owners AS w /*asked*/
UNION
SELECT w.order_id, w.ordered_at, p.key_id
FROM order_owners AS w /*asked*/
JOIN person_of AS p ON p.person = w.person
