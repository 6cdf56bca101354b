-- The clicks and visits that are nobody's touch, and why; small, and asked for by every journey.
--   scanner      a click in a run of at least three different links of one campaign, by one person, each within two
--                seconds of the one before; or a click within two seconds of that very message being sent
--   same_click   a visit that a kept click of the same person in the same campaign led to, at most 30 minutes before it
--                (or, as two systems' clocks differ, one minute after): the click stands for both
WITH clicks AS (
    SELECT t.key_id, t.campaign_key, t.happened_at, t.link_id, t.is_machine
    FROM touchpoints AS t
    WHERE t.action = 4 AND t.campaign_key <> 0
),
many AS (
    SELECT c.key_id, c.campaign_key
    FROM clicks AS c
    GROUP BY c.key_id, c.campaign_key
    HAVING COUNT(*) >= 3
),
steps AS (
    SELECT
        c.key_id,
        c.campaign_key,
        c.happened_at,
        c.link_id,
        CASE
            WHEN c.happened_at - LAG(c.happened_at) OVER (PARTITION BY c.key_id, c.campaign_key ORDER BY c.happened_at) <= 2000
            THEN 0
            ELSE 1
        END AS starts
    FROM clicks AS c
    JOIN many AS m ON m.key_id = c.key_id AND m.campaign_key = c.campaign_key
),
-- The frame takes in equal times, so that clicks of one moment fall into one run whatever order they come in.
runs AS (
    SELECT
        s.key_id,
        s.campaign_key,
        s.happened_at,
        s.link_id,
        SUM(s.starts) OVER (
            PARTITION BY s.key_id, s.campaign_key
            ORDER BY s.happened_at
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS run
    FROM steps AS s
),
scans AS (
    SELECT r.key_id, r.campaign_key, r.run, COUNT(DISTINCT r.link_id) AS links
    FROM runs AS r
    GROUP BY r.key_id, r.campaign_key, r.run
    HAVING COUNT(DISTINCT r.link_id) >= 3
),
scanned AS (
    SELECT r.key_id, r.campaign_key, r.happened_at
    FROM runs AS r
    JOIN scans AS z ON z.key_id = r.key_id AND z.campaign_key = r.campaign_key AND z.run = r.run
    UNION
    SELECT c.key_id, c.campaign_key, c.happened_at
    FROM clicks AS c
    JOIN touchpoints AS d ON d.key_id = c.key_id AND d.campaign_key = c.campaign_key
    WHERE d.action = 1 AND c.happened_at >= d.happened_at AND c.happened_at <= d.happened_at + 2000
),
kept AS (
    SELECT COALESCE(p.person, c.key_id) AS person, COALESCE(g.campaign_id, c.campaign_key) AS campaign_id, c.happened_at
    FROM clicks AS c
    LEFT JOIN person_of AS p ON p.key_id = c.key_id
    LEFT JOIN campaign_of AS g ON g.campaign_key = c.campaign_key
    LEFT JOIN campaign_links AS l ON l.link_id = c.link_id
    LEFT JOIN scanned AS z ON z.key_id = c.key_id AND z.campaign_key = c.campaign_key AND z.happened_at = c.happened_at
    WHERE COALESCE(c.is_machine, 0) = 0 AND COALESCE(l.is_unsubscribe, 0) = 0 AND z.key_id IS NULL
),
visits AS (
    SELECT
        t.key_id,
        t.campaign_key,
        t.happened_at,
        COALESCE(p.person, t.key_id) AS person,
        COALESCE(g.campaign_id, t.campaign_key) AS campaign_id
    FROM touchpoints AS t
    LEFT JOIN person_of AS p ON p.key_id = t.key_id
    LEFT JOIN campaign_of AS g ON g.campaign_key = t.campaign_key
    WHERE t.action = 9 AND t.campaign_key <> 0
),
led AS (
    SELECT DISTINCT v.key_id, v.campaign_key, v.happened_at
    FROM visits AS v
    JOIN kept AS k ON k.person = v.person AND k.campaign_id = v.campaign_id
    WHERE k.happened_at >= v.happened_at - 1800000 AND k.happened_at <= v.happened_at + 60000
)
SELECT z.key_id, z.campaign_key, z.happened_at, 4 AS action, 'scanner' AS reason
FROM scanned AS z
UNION ALL
SELECT d.key_id, d.campaign_key, d.happened_at, 9 AS action, 'same_click' AS reason
FROM led AS d
