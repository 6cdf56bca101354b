-- Order by order, why a platform's claims (claimed_orders) are not what the orders with its e-mail before them (:reach) come to:
-- one row a cause with its amount; together they are the whole difference.
WITH tests AS (
    SELECT DISTINCT f.order_id
    FROM orders AS o
    JOIN order_of AS f ON f.order_key = o.order_key
    WHERE o.is_test = 1
),
numbers AS (
    SELECT c.order_id FROM claimed_orders AS c
    UNION
    SELECT r.order_id
    FROM claim_reach AS r
    JOIN claim_orders AS o ON o.order_id = r.order_id
    WHERE r.connection = :reach AND r.is_within = 1 AND o.in_period = 1
),
judged AS (
    SELECT
        n.order_id,
        CASE WHEN COALESCE(c.claimed_minor, 0) <> 0 THEN 1 ELSE 0 END AS is_claimed,
        CASE WHEN COALESCE(c.elsewhere_minor, 0) <> 0 THEN 1 ELSE 0 END AS is_elsewhere,
        c.claimed_minor,
        c.most_minor,
        t.order_id AS test_id,
        m.order_id AS other_id,
        o.order_id AS own_id,
        COALESCE(o.in_period, 0) AS in_period,
        COALESCE(o.is_near, 0) AS is_near,
        o.gross_minor,
        o.actual_minor,
        o.refunded_minor,
        o.added_minor,
        r.is_within
    FROM numbers AS n
    LEFT JOIN claimed_orders AS c ON c.order_id = n.order_id
    LEFT JOIN claim_orders AS o ON o.order_id = n.order_id
    LEFT JOIN money_orders AS m ON m.order_id = n.order_id
    LEFT JOIN tests AS t ON t.order_id = n.order_id
    LEFT JOIN claim_reach AS r ON r.order_id = n.order_id AND r.connection = :reach
),
named AS (
    SELECT
        j.*,
        CASE
            WHEN j.is_claimed = 0 AND (j.in_period = 0 OR COALESCE(j.is_within, 0) = 0) THEN 'neither'
            WHEN j.is_claimed = 0 AND j.is_elsewhere = 0 THEN 'not_claimed'
            WHEN j.is_claimed = 0 AND j.is_near = 1 THEN 'time_zone'
            WHEN j.is_claimed = 0 THEN 'dating'
            WHEN j.own_id IS NULL AND j.test_id IS NOT NULL THEN 'test_order'
            WHEN j.own_id IS NULL AND j.other_id IS NOT NULL THEN 'currency'
            WHEN j.own_id IS NULL THEN 'unknown_order'
            WHEN j.in_period = 0 AND j.is_near = 1 THEN 'time_zone'
            WHEN j.in_period = 0 THEN 'dating'
            WHEN j.is_within = 1 THEN 'both'
            WHEN j.is_within = 0 THEN 'window'
            ELSE 'channel'
        END AS cause
    FROM judged AS j
),
-- What is left of a claim on an order that both count, once the second campaign's share of it and what the basis leaves out are off.
rests AS (
    SELECT
        n.order_id,
        n.claimed_minor - n.most_minor AS doubled_minor,
        CASE WHEN n.most_minor = n.actual_minor THEN 0 ELSE n.gross_minor - n.actual_minor END AS basis_minor,
        CASE WHEN n.most_minor = n.actual_minor THEN 0 ELSE n.most_minor - n.gross_minor END AS rest_minor,
        n.refunded_minor,
        n.added_minor
    FROM named AS n
    WHERE n.cause = 'both'
),
later AS (
    SELECT
        r.order_id,
        r.rest_minor,
        GREATEST(LEAST(r.rest_minor, r.refunded_minor), 0) AS refunds_minor,
        LEAST(GREATEST(r.rest_minor, -r.added_minor), 0) AS edits_minor
    FROM rests AS r
),
causes AS (
    SELECT n.order_id, n.cause, CASE WHEN n.is_claimed = 1 THEN n.claimed_minor ELSE -n.actual_minor END AS minor
    FROM named AS n
    WHERE n.cause NOT IN ('both', 'neither')
    UNION ALL
    SELECT r.order_id, 'double_claim' AS cause, r.doubled_minor AS minor FROM rests AS r
    UNION ALL
    SELECT r.order_id, 'basis' AS cause, r.basis_minor AS minor FROM rests AS r
    UNION ALL
    SELECT l.order_id, 'refunds' AS cause, l.refunds_minor AS minor FROM later AS l
    UNION ALL
    SELECT l.order_id, 'edits' AS cause, l.edits_minor AS minor FROM later AS l
    UNION ALL
    SELECT l.order_id, 'unexplained' AS cause, l.rest_minor - l.refunds_minor - l.edits_minor AS minor FROM later AS l
)
SELECT u.cause, COUNT(*) AS orders, CAST(SUM(u.minor) AS BIGINT) AS minor
FROM causes AS u
WHERE u.minor <> 0
GROUP BY u.cause
