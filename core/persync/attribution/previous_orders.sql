-- The last order that the people of an order placed before it, on another day of the shop: orders of one day are one
-- purchase, whose journey begins where the day's first did.
WITH owners AS (
    SELECT
        m.order_id,
        m.ordered_at,
        CAST(FLOOR((m.ordered_at + /*offset*/) / 86400000e0) AS BIGINT) AS day,
        COALESCE(m.person, m.key_id) AS person
    FROM order_owners AS m
    WHERE m.ordered_at IS NOT NULL
),
before AS (
    SELECT
        w.order_id,
        MAX(w.ordered_at) OVER (
            PARTITION BY w.person ORDER BY w.day RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS since_at
    FROM owners AS w
)
SELECT b.order_id, MAX(b.since_at) AS since_at
FROM before AS b
WHERE b.since_at IS NOT NULL
GROUP BY b.order_id
