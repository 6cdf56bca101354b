-- Every send, open, click and visit of the people of one order (:order_id), whenever it was, in its order.
WITH owners AS (
    SELECT w.key_id, w.person FROM order_owners AS w WHERE w.order_id = :order_id
),
known AS (
    SELECT w.key_id FROM owners AS w
    UNION
    SELECT p.key_id FROM owners AS w JOIN person_of AS p ON p.person = w.person
),
seen AS (
    /*touches*/
)
SELECT
    s.key_id,
    s.connection,
    s.campaign_key,
    s.action,
    s.happened_at,
    s.link_id,
    s.ordinal,
    s.channel,
    COALESCE(n.name, '') AS seen_by,
    COALESCE(c.key, '') AS campaign,
    s.reason AS odd
FROM seen AS s
LEFT JOIN connections AS n ON n.connection = s.connection
LEFT JOIN campaign_keys AS c ON c.campaign_key = s.campaign_key
LEFT JOIN campaign_links AS l ON l.link_id = s.link_id
ORDER BY s.happened_at, n.name, s.action, c.key, l.url, s.ordinal, s.key_id
