-- Every path that the data-driven models learn from: one row a touch.
--   converting (is_converting 1)  the touches of an order that counts, as journeys have them; `path` is the order
--   null (is_converting 0)        the counted touches of a person that lie in no order's journey. A person's next one begins
--                                 (`part`) after a touch that an order claimed and after a silence longer than the look-back.
-- Touches after :mature_until, which an order may still claim, belong to no null path. Touches of orders that do not count
-- (cancelled, refunded in full) are in neither. `hash` is that of the person (the order's own, where it has several), and
-- `channel_rank` puts channels in the order of their names. datadriven.py puts in which touches count.
WITH channels AS (
    SELECT w.word, ROW_NUMBER() OVER (ORDER BY w.text) AS channel_rank
    FROM words AS w
),
claimed AS (
    SELECT DISTINCT j.key_id, j.action, j.campaign_key, j.happened_at
    FROM journeys AS j
    WHERE j.is_touch = 1
),
free AS (
    SELECT
        t.person,
        t.word,
        c.channel_rank,
        t.happened_at,
        CASE WHEN j.key_id IS NULL THEN 1 ELSE 0 END AS is_free
    FROM /*counted*/ AS t
    LEFT JOIN claimed AS j
        ON j.key_id = t.key_id AND j.action = t.action AND j.campaign_key = t.campaign_key AND j.happened_at = t.happened_at
    LEFT JOIN channels AS c ON c.word = t.word
    WHERE t.happened_at <= :mature_until
),
-- Only who has a free touch is put in order.
loose AS (
    SELECT f.*
    FROM free AS f
    JOIN (SELECT DISTINCT g.person FROM free AS g WHERE g.is_free = 1) AS w ON w.person = f.person
),
stepped AS (
    SELECT
        f.person,
        f.word,
        f.channel_rank,
        f.happened_at,
        f.is_free,
        CASE
            WHEN LAG(f.is_free) OVER (PARTITION BY f.person ORDER BY f.happened_at, f.is_free, f.channel_rank) = 1
                AND f.happened_at
                - LAG(f.happened_at) OVER (PARTITION BY f.person ORDER BY f.happened_at, f.is_free, f.channel_rank) <= :lookback_ms
            THEN 0
            ELSE 1
        END AS starts
    FROM loose AS f
),
parted AS (
    SELECT
        s.person,
        s.word,
        s.channel_rank,
        s.happened_at,
        SUM(s.starts) OVER (
            PARTITION BY s.person
            ORDER BY s.happened_at, s.channel_rank
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS part
    FROM stepped AS s
    WHERE s.is_free = 1
),
buyers AS (
    SELECT m.order_id, COALESCE(p.hash, o.key_id, ABS(m.ordered_at)) AS hash
    FROM money_orders AS m
    JOIN orders AS o ON o.order_key = m.order_key
    LEFT JOIN person_of AS p ON p.key_id = o.key_id
    WHERE m.is_counted = 1
)
SELECT
    1 AS is_converting,
    j.order_id AS path,
    CAST(0 AS BIGINT) AS part,
    CAST(j.position AS BIGINT) AS place,
    j.word,
    c.channel_rank,
    j.age_days,
    b.hash
FROM journeys AS j
JOIN buyers AS b ON b.order_id = j.order_id
LEFT JOIN channels AS c ON c.word = j.word
WHERE j.is_touch = 1
UNION ALL
SELECT
    0 AS is_converting,
    n.person AS path,
    CAST(n.part AS BIGINT) AS part,
    n.happened_at AS place,
    n.word,
    n.channel_rank,
    CAST(0 AS DOUBLE) AS age_days,
    COALESCE(p.hash, n.person) AS hash
FROM parted AS n
LEFT JOIN person_of AS p ON p.key_id = n.person
