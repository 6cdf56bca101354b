-- Which orders a platform's e-mail came before: within the look-back (is_within), or at any time before (then 0). A touch is the
-- platform's that saw it, and that whose message it was of. Connection 0 stands for e-mail of anybody.
WITH mails AS (
    SELECT t.person, t.connection AS seen_by, COALESCE(k.connection, t.connection) AS sent_by, t.happened_at
    FROM touches AS t
    LEFT JOIN campaign_keys AS k ON k.campaign_key = t.campaign_id AND k.connection <> 0
    WHERE t.channel = 'email' AND t.reason = ''
),
by_platform AS (
    SELECT m.person, m.seen_by AS connection, m.happened_at FROM mails AS m
    UNION ALL
    SELECT m.person, m.sent_by AS connection, m.happened_at FROM mails AS m
    UNION ALL
    SELECT m.person, 0 AS connection, m.happened_at FROM mails AS m
),
ever AS (
    SELECT DISTINCT o.order_id, b.connection
    FROM claim_people AS o
    JOIN by_platform AS b ON b.person = o.person
    WHERE b.happened_at <= o.ordered_at
),
inside AS (
    SELECT j.order_id, j.connection FROM journeys AS j WHERE j.is_email = 1 AND j.is_touch = 1
    UNION
    SELECT j.order_id, k.connection
    FROM journeys AS j
    LEFT JOIN campaign_of AS g ON g.campaign_key = j.campaign_key
    JOIN campaign_keys AS k ON k.campaign_key = COALESCE(g.campaign_id, j.campaign_key)
    WHERE j.is_email = 1 AND j.is_touch = 1 AND k.connection <> 0
    UNION
    SELECT j.order_id, 0 AS connection FROM journeys AS j WHERE j.is_email = 1 AND j.is_touch = 1
)
SELECT o.order_id, o.connection, 1 AS is_within
FROM inside AS o
UNION ALL
SELECT e.order_id, e.connection, 0 AS is_within
FROM ever AS e
LEFT JOIN inside AS o ON o.order_id = e.order_id AND o.connection = e.connection
WHERE o.order_id IS NULL
