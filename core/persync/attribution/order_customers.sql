-- Whose each order is (the person its money source names, else whoever a copy of it does), from which store, and whether that
-- person had ordered before: `returning` when an earlier order that counts was placed on an earlier day (UTC), for orders of
-- one day are one purchase. `(unknown)`: the order names nobody.
WITH owners AS (
    SELECT
        f.order_id,
        COALESCE(
            MIN(CASE WHEN f.is_money_source = 1 THEN COALESCE(p.person, o.key_id) END),
            MIN(COALESCE(p.person, o.key_id))
        ) AS person
    FROM order_of AS f
    JOIN orders AS o ON o.order_key = f.order_key
    LEFT JOIN person_of AS p ON p.key_id = o.key_id
    GROUP BY f.order_id
),
firsts AS (
    SELECT w.person, MIN(m.ordered_at) AS first_at
    FROM money_orders AS m
    JOIN owners AS w ON w.order_id = m.order_id
    WHERE w.person IS NOT NULL AND m.is_counted = 1
    GROUP BY w.person
)
SELECT
    m.order_id,
    w.person,
    m.ordered_at,
    CASE
        WHEN w.person IS NULL THEN '(unknown)'
        WHEN FLOOR(f.first_at / 86400000e0) < FLOOR(m.ordered_at / 86400000e0) THEN 'returning'
        ELSE 'new'
    END AS customer,
    COALESCE(n.name, '(unknown)') AS store
FROM money_orders AS m
LEFT JOIN owners AS w ON w.order_id = m.order_id
LEFT JOIN firsts AS f ON f.person = w.person
LEFT JOIN connections AS n ON n.connection = m.connection
