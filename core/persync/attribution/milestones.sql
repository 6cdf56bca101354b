-- When the people of each order became a lead and when its opportunity opened, one row an order that has either.
--   lead          the first that is known of somebody: the stage subscriber or lead, a consent given, the contact made. Of
--                 several people on one order: the first that lies within the longest look-back (:longest_ms).
--   opportunity   when the deal was made, of an order that is one; else the last cart or checkout begun, or stage opportunity
--                 entered, at or before the order; a cart that was finished more than an hour before belongs to another order.
WITH owners AS (
    SELECT w.order_id, w.ordered_at, COALESCE(w.person, w.key_id) AS person
    FROM order_owners AS w
),
known AS (
    SELECT s.key_id, s.entered_at AS known_at FROM stages AS s WHERE s.stage IN ('subscriber', 'lead')
    UNION ALL
    SELECT s.key_id, s.changed_at AS known_at FROM consents AS s WHERE s.state = 'subscribed' AND s.changed_at IS NOT NULL
    UNION ALL
    SELECT s.key_id, s.happened_at AS known_at FROM consent_changes AS s WHERE s.state = 'subscribed'
    UNION ALL
    SELECT s.key_id, s.created_at AS known_at FROM contacts AS s WHERE s.created_at IS NOT NULL
),
leads AS (
    SELECT COALESCE(p.person, k.key_id) AS person, MIN(k.known_at) AS lead_at
    FROM known AS k
    LEFT JOIN person_of AS p ON p.key_id = k.key_id
    GROUP BY COALESCE(p.person, k.key_id)
),
openings AS (
    SELECT COALESCE(p.person, x.key_id) AS person, x.opened_at, x.closed_at
    FROM (
        SELECT s.key_id, s.entered_at AS opened_at, CAST(NULL AS BIGINT) AS closed_at
        FROM stages AS s
        WHERE s.stage = 'opportunity'
        UNION ALL
        SELECT c.key_id, c.created_at AS opened_at, c.completed_at AS closed_at
        FROM carts AS c
        WHERE c.key_id IS NOT NULL AND c.created_at IS NOT NULL
    ) AS x
    LEFT JOIN person_of AS p ON p.key_id = x.key_id
),
moments AS (
    SELECT w.order_id, l.lead_at, CAST(NULL AS BIGINT) AS opportunity_at, CAST(NULL AS BIGINT) AS deal_at
    FROM owners AS w
    JOIN leads AS l ON l.person = w.person
    WHERE l.lead_at <= w.ordered_at AND l.lead_at >= w.ordered_at - :longest_ms
    UNION ALL
    SELECT w.order_id, CAST(NULL AS BIGINT) AS lead_at, x.opened_at AS opportunity_at, CAST(NULL AS BIGINT) AS deal_at
    FROM owners AS w
    JOIN openings AS x ON x.person = w.person
    WHERE x.opened_at <= w.ordered_at
        AND x.opened_at >= w.ordered_at - :longest_ms
        AND (x.closed_at IS NULL OR x.closed_at >= w.ordered_at - 3600000)
    UNION ALL
    SELECT m.order_id, CAST(NULL AS BIGINT) AS lead_at, CAST(NULL AS BIGINT) AS opportunity_at, o.opened_at AS deal_at
    FROM money_orders AS m
    JOIN order_of AS f ON f.order_id = m.order_id
    JOIN orders AS o ON o.order_key = f.order_key
    WHERE o.opened_at <= m.ordered_at
)
SELECT m.order_id, MIN(m.lead_at) AS lead_at, COALESCE(MIN(m.deal_at), MAX(m.opportunity_at)) AS opportunity_at
FROM moments AS m
GROUP BY m.order_id
