-- The lists, tags, segments and interests that each order's person was in when it was placed; `several` is in how many. A
-- company is hardly more than a person, so it is none of them. What fewer than :suppress_n customers were in counts as
-- `(small segments)`, and where these together had fewer, as no segment: their money would tell what a few people spent.
WITH members AS (
    SELECT DISTINCT
        o.order_id,
        o.person,
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
        o.person,
        COALESCE(n.name || ':', '') || s.kind || ':' || COALESCE(s.name, s.vendor_id) AS segment
    FROM order_customers AS o
    JOIN memberships AS b ON b.key_id = o.person
    JOIN segments AS s ON s.segment_id = b.segment_id
    LEFT JOIN connections AS n ON n.connection = s.connection
    WHERE s.kind <> 'company'
        AND (b.joined_at IS NULL OR b.joined_at <= o.ordered_at)
        AND (b.left_at IS NULL OR b.left_at > o.ordered_at)
),
sizes AS (
    SELECT m.segment, COUNT(DISTINCT m.person) AS people
    FROM members AS m
    GROUP BY m.segment
),
small AS (
    SELECT COUNT(DISTINCT m.person) AS people
    FROM members AS m
    JOIN sizes AS z ON z.segment = m.segment
    WHERE z.people < :suppress_n
),
told AS (
    SELECT DISTINCT
        m.order_id,
        CASE WHEN z.people >= :suppress_n THEN m.segment ELSE '(small segments)' END AS segment
    FROM members AS m
    JOIN sizes AS z ON z.segment = m.segment
    CROSS JOIN small AS l
    WHERE z.people >= :suppress_n OR l.people >= :suppress_n
)
SELECT t.order_id, t.segment, COUNT(*) OVER (PARTITION BY t.order_id) AS several
FROM told AS t
