-- The lists, tags, segments and interests that each order's person was in when it was placed; `several` is in how many. A
-- company is hardly more than a person, so it is none of them.
WITH members AS (
    SELECT DISTINCT
        o.order_id,
        COALESCE(n.name || ':', '') || s.kind || ':' || COALESCE(s.name, s.vendor_id) AS segment
    FROM order_customers AS o
    JOIN person_of AS p ON p.person = o.person
    JOIN memberships AS b ON b.key_id = p.key_id
    JOIN segments AS s ON s.segment_id = b.segment_id
    LEFT JOIN connections AS n ON n.connection = s.connection
    WHERE s.kind <> 'company'
        AND (b.joined_at IS NULL OR b.joined_at <= o.ordered_at)
        AND (b.left_at IS NULL OR b.left_at > o.ordered_at)
    UNION
    SELECT DISTINCT
        o.order_id,
        COALESCE(n.name || ':', '') || s.kind || ':' || COALESCE(s.name, s.vendor_id) AS segment
    FROM order_customers AS o
    JOIN memberships AS b ON b.key_id = o.person
    JOIN segments AS s ON s.segment_id = b.segment_id
    LEFT JOIN connections AS n ON n.connection = s.connection
    WHERE s.kind <> 'company'
        AND (b.joined_at IS NULL OR b.joined_at <= o.ordered_at)
        AND (b.left_at IS NULL OR b.left_at > o.ordered_at)
)
SELECT m.order_id, m.segment, COUNT(*) OVER (PARTITION BY m.order_id) AS several
FROM members AS m
