-- The clicks and visits that are nobody's touch, and why; small, and asked for by every journey.
--   scanner      a click in a run of at least three different links of one campaign, by one person, each within two
--                seconds of the one before; or a click within two seconds of that very message being sent
--   same_click   what another system saw of a touch that stands for both, as two systems' clocks differ up to a minute apart
--                the wrong way round: a visit that a kept click of the same person in the same campaign led to, at most 30
--                minutes before it; an e-mail visit of no campaign that is known as a message, at most 5 minutes after a
--                kept e-mail click; and of the same touch (person, campaign, action, channel) seen by several connections within
--                5 minutes, all but that of the connection whose name comes first
-- A click stands for its visit unless the visit's kind counts and the click's does not, or not as far back; journeys.py then puts
-- in which of the two stays (`stands`, `reversed`).
WITH clicks AS (
    SELECT t.connection, t.key_id, t.campaign_key, t.happened_at, t.link_id, t.is_machine, t.channel
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
        c.connection,
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
        s.connection,
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
    SELECT r.connection, r.key_id, r.campaign_key, r.happened_at
    FROM runs AS r
    JOIN scans AS z ON z.key_id = r.key_id AND z.campaign_key = r.campaign_key AND z.run = r.run
    UNION
    SELECT c.connection, c.key_id, c.campaign_key, c.happened_at
    FROM clicks AS c
    JOIN touchpoints AS d ON d.key_id = c.key_id AND d.campaign_key = c.campaign_key
    WHERE d.action = 1 AND c.happened_at >= d.happened_at AND c.happened_at <= d.happened_at + 2000
),
kept AS (
    SELECT
        c.connection,
        c.key_id,
        c.campaign_key,
        c.happened_at,
        c.channel,
        COALESCE(p.person, c.key_id) AS person,
        COALESCE(g.campaign_id, c.campaign_key) AS campaign_id
    FROM clicks AS c
    LEFT JOIN person_of AS p ON p.key_id = c.key_id
    LEFT JOIN campaign_of AS g ON g.campaign_key = c.campaign_key
    LEFT JOIN campaign_links AS l ON l.link_id = c.link_id
    LEFT JOIN scanned AS z
        ON z.key_id = c.key_id AND z.campaign_key = c.campaign_key AND z.happened_at = c.happened_at AND z.connection = c.connection
    WHERE COALESCE(c.is_machine, 0) = 0 AND COALESCE(l.is_unsubscribe, 0) = 0 AND z.key_id IS NULL
),
-- The campaigns that are a message of somebody's: a visit that names one of them is not taken for another's.
messages AS (
    SELECT DISTINCT COALESCE(g.campaign_id, c.campaign_key) AS campaign_id
    FROM campaign_keys AS c
    LEFT JOIN campaign_of AS g ON g.campaign_key = c.campaign_key
    WHERE c.kind <> 'utm'
),
visits AS (
    SELECT
        t.connection,
        t.key_id,
        t.campaign_key,
        t.happened_at,
        t.channel,
        COALESCE(p.person, t.key_id) AS person,
        COALESCE(g.campaign_id, t.campaign_key) AS campaign_id,
        CASE WHEN m.campaign_id IS NULL AND w.text = 'email' THEN 1 ELSE 0 END AS is_unknown_mail
    FROM touchpoints AS t
    LEFT JOIN person_of AS p ON p.key_id = t.key_id
    LEFT JOIN campaign_of AS g ON g.campaign_key = t.campaign_key
    LEFT JOIN messages AS m ON m.campaign_id = COALESCE(g.campaign_id, t.campaign_key)
    LEFT JOIN words AS w ON w.word = t.channel
    WHERE t.action = 9 AND COALESCE(t.is_machine, 0) = 0 AND (t.campaign_key <> 0 OR w.text = 'email')
),
led AS (
    SELECT v.connection, v.key_id, v.campaign_key, v.happened_at, 9 AS action
    FROM visits AS v
    JOIN kept AS k ON k.person = v.person AND k.campaign_id = v.campaign_id
    WHERE v.campaign_key <> 0 AND k.happened_at >= v.happened_at - 1800000 AND k.happened_at <= v.happened_at + 60000/*stands*/
    UNION
    SELECT v.connection, v.key_id, v.campaign_key, v.happened_at, 9 AS action
    FROM visits AS v
    JOIN kept AS k ON k.person = v.person AND k.channel = v.channel
    WHERE v.is_unknown_mail = 1 AND k.happened_at >= v.happened_at - 300000 AND k.happened_at <= v.happened_at + 60000/*stands*//*reversed*/
),
seen AS (
    SELECT k.connection, k.key_id, k.campaign_key, k.happened_at, k.channel, k.person, k.campaign_id, 4 AS action FROM kept AS k
    UNION ALL
    SELECT v.connection, v.key_id, v.campaign_key, v.happened_at, v.channel, v.person, v.campaign_id, 9 AS action
    FROM visits AS v
    WHERE v.campaign_key <> 0
),
-- The campaigns that several connections saw, and in them whom: few, so that only they are held against each other.
joint AS (
    SELECT s.campaign_id, s.action
    FROM seen AS s
    GROUP BY s.campaign_id, s.action
    HAVING MIN(s.connection) <> MAX(s.connection)
),
several AS (
    SELECT s.person, s.campaign_id, s.action
    FROM seen AS s
    JOIN joint AS j ON j.campaign_id = s.campaign_id AND j.action = s.action
    GROUP BY s.person, s.campaign_id, s.action
    HAVING MIN(s.connection) <> MAX(s.connection)
),
twice AS (
    SELECT s.*, n.name
    FROM seen AS s
    JOIN several AS e ON e.person = s.person AND e.campaign_id = s.campaign_id AND e.action = s.action
    JOIN connections AS n ON n.connection = s.connection
),
same AS (
    SELECT d.connection, d.key_id, d.campaign_key, d.happened_at, d.action FROM led AS d
    UNION
    SELECT b.connection, b.key_id, b.campaign_key, b.happened_at, b.action
    FROM twice AS b
    JOIN twice AS a
        ON a.person = b.person AND a.campaign_id = b.campaign_id AND a.action = b.action AND a.channel = b.channel
    WHERE a.name < b.name AND a.happened_at >= b.happened_at - 300000 AND a.happened_at <= b.happened_at + 300000
)
SELECT z.connection, z.key_id, z.campaign_key, z.happened_at, 4 AS action, 'scanner' AS reason
FROM scanned AS z
UNION ALL
SELECT d.connection, d.key_id, d.campaign_key, d.happened_at, d.action, 'same_click' AS reason
FROM same AS d
