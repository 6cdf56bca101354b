-- What is known of one message, by whatever key of it (:campaign): its sends and all that was done with it, with what marks a click
-- as nobody's; and the orders that its receivers placed within :window_ms of a send. Ends in `seen` and `followed`;
-- `odd_touches` and `money_orders` stand before it, and sends.py puts in whose.
message AS (
    SELECT CAST(:campaign AS BIGINT) AS campaign_key
    UNION
    SELECT o.campaign_key
    FROM campaign_of AS g
    JOIN campaign_of AS o ON o.campaign_id = g.campaign_id
    WHERE g.campaign_key = :campaign
),
seen AS (
    SELECT
        t.key_id,
        COALESCE(p.person, t.key_id) AS person,
        t.action,
        t.happened_at,
        t.ordinal,
        t.variant,
        t.level,
        COALESCE(n.name, '') AS seen_by,
        COALESCE(l.url, '') AS link,
        CASE
            WHEN t.is_machine = 1 THEN 'machine'
            WHEN o.reason = 'scanner' THEN 'scanner'
            WHEN t.action = 4 AND l.is_unsubscribe = 1 THEN 'unsubscribe'
            ELSE COALESCE(o.reason, '')
        END AS odd
    FROM touchpoints AS t
    JOIN message AS m ON m.campaign_key = t.campaign_key
    LEFT JOIN person_of AS p ON p.key_id = t.key_id
    LEFT JOIN connections AS n ON n.connection = t.connection
    LEFT JOIN campaign_links AS l ON l.link_id = t.link_id
    LEFT JOIN odd_touches AS o
        ON o.key_id = t.key_id AND o.campaign_key = t.campaign_key AND o.happened_at = t.happened_at AND o.action = t.action
        AND o.connection = t.connection
    /*whose*/
),
owners AS (
    SELECT DISTINCT m.order_id, m.order_key, m.connection, m.ordered_at, COALESCE(p.person, k.key_id) AS person
    FROM money_orders AS m
    JOIN order_of AS f ON f.order_id = m.order_id
    JOIN (
        SELECT o.order_key, o.key_id FROM orders AS o WHERE o.key_id IS NOT NULL
        UNION ALL
        SELECT x.order_key, x.key_id FROM order_people AS x
    ) AS k ON k.order_key = f.order_key
    LEFT JOIN person_of AS p ON p.key_id = k.key_id
),
after_send AS (
    SELECT w.order_id, w.order_key, w.connection, w.ordered_at, w.person, MAX(s.happened_at) AS sent_at
    FROM owners AS w
    JOIN seen AS s ON s.person = w.person
    WHERE s.action = 1 AND w.ordered_at >= s.happened_at AND w.ordered_at <= s.happened_at + :window_ms
    GROUP BY w.order_id, w.order_key, w.connection, w.ordered_at, w.person
),
net AS (
    SELECT e.order_key, e.currency, CAST(SUM(e.amount_minor) AS BIGINT) AS minor
    FROM order_ledger AS e
    WHERE e.part IN ('product', 'adjustment')
    GROUP BY e.order_key, e.currency
),
-- Several receivers may be on one order: it is told once.
followed AS (
    SELECT
        a.order_id,
        a.order_key,
        a.connection,
        a.ordered_at,
        MAX(a.sent_at) AS sent_at,
        MAX(CASE WHEN c.person IS NULL THEN 0 ELSE 1 END) AS is_clicked
    FROM after_send AS a
    LEFT JOIN (
        SELECT s.person, s.happened_at FROM seen AS s WHERE s.action IN (4, 9) AND s.odd IN ('', 'same_click')
    ) AS c ON c.person = a.person AND c.happened_at >= a.sent_at AND c.happened_at <= a.ordered_at
    GROUP BY a.order_id, a.order_key, a.connection, a.ordered_at
)
