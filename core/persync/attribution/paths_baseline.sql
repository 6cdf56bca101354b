-- The people who ever touched something: how long (ms) each was watched since their first touch, and how many of their orders
-- since then had no touch in the look-back; by group of people. datadriven.py puts in which touches count.
WITH people AS (
    SELECT t.person, MIN(COALESCE(p.hash, t.person)) AS hash, MIN(t.happened_at) AS first_at
    FROM /*counted*/ AS t
    LEFT JOIN person_of AS p ON p.key_id = t.key_id
    WHERE t.happened_at <= :now
    GROUP BY t.person
),
bare AS (
    SELECT COALESCE(p.person, o.key_id) AS person, COUNT(*) AS orders
    FROM money_orders AS m
    JOIN orders AS o ON o.order_key = m.order_key
    LEFT JOIN person_of AS p ON p.key_id = o.key_id
    LEFT JOIN (SELECT DISTINCT j.order_id FROM journeys AS j WHERE j.is_touch = 1) AS t ON t.order_id = m.order_id
    JOIN people AS f ON f.person = COALESCE(p.person, o.key_id) AND f.first_at <= m.ordered_at
    WHERE m.is_counted = 1 AND t.order_id IS NULL AND o.key_id IS NOT NULL
    GROUP BY COALESCE(p.person, o.key_id)
)
SELECT
    MOD(f.hash, :groups) AS people,
    CAST(SUM(:now - f.first_at) AS BIGINT) AS person_ms,
    CAST(SUM(COALESCE(b.orders, 0)) AS BIGINT) AS orders
FROM people AS f
LEFT JOIN bare AS b ON b.person = f.person
GROUP BY MOD(f.hash, :groups)
