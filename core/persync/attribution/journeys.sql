-- One row an order and touch: what the people of an order did in the look-back (:lookback_ms) before it, in their total order.
-- Ties in time go by the natural key (connection, campaign, action, link, ordinal; see touches.sql), so that neither the order
-- of arrival nor a surrogate number decides.
--   position 1 = first ... length, age_days before the order, is_direct, is_email, is_last_non_direct (0/1)
WITH people AS (
    SELECT DISTINCT m.order_id, m.ordered_at, COALESCE(p.person, k.key_id) AS person
    FROM money_orders AS m
    JOIN order_of AS f ON f.order_id = m.order_id
    JOIN (
        SELECT o.order_key, o.key_id FROM orders AS o WHERE o.key_id IS NOT NULL
        UNION ALL
        SELECT x.order_key, x.key_id FROM order_people AS x
    ) AS k ON k.order_key = f.order_key
    LEFT JOIN person_of AS p ON p.key_id = k.key_id
),
touches AS (
/*touches*/
),
placed AS (
    SELECT
        q.order_id,
        q.ordered_at,
        t.person,
        t.connection,
        t.campaign_key,
        t.campaign_id,
        t.action,
        t.happened_at,
        t.link_id,
        t.level,
        t.channel,
        CASE WHEN t.channel = 'direct' THEN 1 ELSE 0 END AS is_direct,
        ROW_NUMBER() OVER (
            PARTITION BY q.order_id
            ORDER BY t.happened_at, t.connection_rank, t.campaign_rank, t.action, t.link_rank, t.ordinal, t.key_id
        ) AS position
    FROM people AS q
    JOIN touches AS t ON t.person = q.person
    WHERE t.reason = ''
        AND t.happened_at <= q.ordered_at
        AND t.happened_at >= q.ordered_at - :lookback_ms
),
closed AS (
    SELECT
        p.order_id,
        COUNT(*) AS length,
        MAX(CASE WHEN p.is_direct = 0 THEN p.position ELSE 0 END) AS last_non_direct
    FROM placed AS p
    GROUP BY p.order_id
)
SELECT
    p.order_id,
    p.ordered_at,
    p.person,
    p.connection,
    p.campaign_key,
    p.campaign_id,
    p.action,
    p.happened_at,
    p.link_id,
    p.level,
    p.channel,
    p.position,
    c.length,
    CAST(p.ordered_at - p.happened_at AS DOUBLE) / 86400000e0 AS age_days,
    p.is_direct,
    CASE WHEN p.channel = 'email' THEN 1 ELSE 0 END AS is_email,
    CASE
        WHEN p.position = c.last_non_direct THEN 1
        WHEN c.last_non_direct = 0 AND p.position = c.length THEN 1
        ELSE 0
    END AS is_last_non_direct
FROM placed AS p
JOIN closed AS c ON c.order_id = p.order_id
