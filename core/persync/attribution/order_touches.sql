-- Every send, open, click and visit of the people of one order (:order_id), whenever it was, with what marks it as odd.
WITH owners AS (
    SELECT k.key_id, p.person
    FROM order_of AS f
    JOIN (
        SELECT o.order_key, o.key_id FROM orders AS o WHERE o.key_id IS NOT NULL
        UNION ALL
        SELECT x.order_key, x.key_id FROM order_people AS x
    ) AS k ON k.order_key = f.order_key
    LEFT JOIN person_of AS p ON p.key_id = k.key_id
    WHERE f.order_id = :order_id
),
known AS (
    SELECT w.key_id FROM owners AS w
    UNION
    SELECT p.key_id FROM owners AS w JOIN person_of AS p ON p.person = w.person
)
SELECT
    t.key_id,
    t.connection,
    t.campaign_key,
    t.action,
    t.happened_at,
    t.link_id,
    t.ordinal,
    COALESCE(w.text, '') AS channel,
    COALESCE(n.name, '') AS seen_by,
    COALESCE(c.key, '') AS campaign,
    CASE
        WHEN t.is_machine = 1 THEN 'machine'
        WHEN o.reason = 'scanner' THEN 'scanner'
        WHEN t.action = 4 AND l.is_unsubscribe = 1 THEN 'unsubscribe'
        ELSE COALESCE(o.reason, '')
    END AS odd
FROM touchpoints AS t
JOIN known AS k ON k.key_id = t.key_id
LEFT JOIN words AS w ON w.word = t.channel
LEFT JOIN connections AS n ON n.connection = t.connection
LEFT JOIN campaign_keys AS c ON c.campaign_key = t.campaign_key
LEFT JOIN campaign_links AS l ON l.link_id = t.link_id
LEFT JOIN odd_touches AS o
    ON o.key_id = t.key_id AND o.campaign_key = t.campaign_key AND o.happened_at = t.happened_at AND o.action = t.action
    AND o.connection = t.connection
WHERE t.action IN (1, 3, 4, 9)
ORDER BY t.happened_at, n.name, t.action, c.key, l.url, t.ordinal, t.key_id
