-- One row an order and touch: what the people of an order did before it, in their total order. journeys.py fills in, where
-- a word stands in a comment of its own, which kinds count and how far back, and what only some models ask for.
-- Ties in time go by the natural key (connection, campaign, action, link, ordinal; below), so that neither the order
-- of arrival nor a surrogate number decides.
--   is_touch 1; 0 = the mail that the e-mail rule credits where it is none of the touches (position 0)
--   position 1 = first ... length, age_days before the order, is_direct, is_email, is_last_non_direct, is_last_email (0/1)
--   lead_position, opportunity_position: the last touch at or before the milestone (milestones.sql), 0 = none
-- The three ranks put connections, campaigns and links in the order of their names: nothing may hang on the order of arrival
-- or on a surrogate number. Together they fit one BIGINT (10, 24 and 24 bits, and 4 for the action).
WITH connection_names AS (
    SELECT n.connection, n.name, LEAST(ROW_NUMBER() OVER (ORDER BY n.name), 1023) AS connection_rank
    FROM connections AS n
),
campaign_names AS (
    SELECT
        c.campaign_key,
        LEAST(ROW_NUMBER() OVER (ORDER BY c.kind, COALESCE(n.name, ''), c.key), 16777215) AS campaign_rank
    FROM campaign_keys AS c
    LEFT JOIN connections AS n ON n.connection = c.connection
),
link_names AS (
    SELECT l.link_id, l.is_unsubscribe, LEAST(ROW_NUMBER() OVER (ORDER BY l.url), 16777215) AS link_rank
    FROM campaign_links AS l
),
found AS (
    SELECT
        q.order_id,
        t.key_id,
        t.connection,
        t.campaign_key,
        t.action,
        t.happened_at,
        t.link_id,
        t.variant,
        t.channel AS word,
        t.ordinal,
        CAST(q.ordered_at - t.happened_at AS DOUBLE) / 86400000e0 AS age_days,
        -- connection, campaign, action and link in one number: a sort by seven columns takes half as long again
        ((COALESCE(n.connection_rank, 0) * 16777216 + COALESCE(g.campaign_rank, 0)) * 16 + t.action) * 16777216
        + COALESCE(l.link_rank, 0) AS tie
        /*flags*/
    FROM touchpoints AS t
    JOIN order_buyers AS q ON q.key_id = t.key_id
    LEFT JOIN odd_touches AS o
        ON o.key_id = q.key_id AND o.campaign_key = t.campaign_key AND o.happened_at = t.happened_at AND o.action = t.action
        AND o.connection = t.connection
    LEFT JOIN link_names AS l ON l.link_id = t.link_id
    LEFT JOIN connection_names AS n ON n.connection = t.connection
    LEFT JOIN campaign_names AS g ON g.campaign_key = t.campaign_key
    /*joins*/
    -- A list alone is tested after a row is read, a bound before.
    WHERE t.action >= /*least*/
        AND t.happened_at <= q.ordered_at
        AND t.happened_at >= q.ordered_at - :longest_ms
        AND COALESCE(t.is_machine, 0) = 0
        AND o.key_id IS NULL
        AND q.ordered_at - t.happened_at <= CASE WHEN t.action = 4 AND l.is_unsubscribe = 1 THEN -1 ELSE :longest_ms END
        AND (/*counts*/)
),
placed AS (
    SELECT f.*, /*places*/
    FROM found AS f
),
-- A row an order and channel: few, so that all that is counted by order is counted over these.
by_channel AS (
    SELECT
        p.order_id,
        p.word,
        /*touches*/ AS touches,
        /*first*/ AS first_position,
        MAX(p.position) AS last_position
        /*marks*/
    FROM placed AS p
    GROUP BY p.order_id, p.word
),
closed AS (
    SELECT
        n.order_id,
        CAST(SUM(n.touches) AS BIGINT) AS length,
        CAST(SUM(CASE WHEN n.touches > 0 THEN 1 ELSE 0 END) AS BIGINT) AS channels,
        MAX(CASE WHEN COALESCE(w.text, '') <> 'direct' THEN n.last_position ELSE 0 END) AS last_non_direct
        /*carried*/
    FROM by_channel AS n
    LEFT JOIN words AS w ON w.word = n.word
    GROUP BY n.order_id
)
SELECT
    p.order_id,
    p.key_id,
    p.connection,
    p.campaign_key,
    p.action,
    p.happened_at,
    p.link_id,
    p.variant,
    p.word,
    COALESCE(w.text, '') AS channel,
    /*is_touch*/ AS is_touch,
    p.position,
    c.length,
    p.age_days,
    CASE WHEN w.text = 'direct' THEN 1 ELSE 0 END AS is_direct,
    CASE WHEN w.text = 'email' THEN 1 ELSE 0 END AS is_email,
    CASE
        WHEN p.position = 0 THEN 0
        WHEN p.position = c.last_non_direct THEN 1
        WHEN c.last_non_direct = 0 AND p.position = c.length THEN 1
        ELSE 0
    END AS is_last_non_direct,
    /*is_last_email*/ AS is_last_email,
    n.touches AS channel_touches,
    c.channels,
    CASE WHEN p.position = n.first_position THEN 1 ELSE 0 END AS channel_first,
    /*milestones*/
FROM placed AS p
JOIN by_channel AS n ON n.order_id = p.order_id AND n.word = p.word
JOIN closed AS c ON c.order_id = p.order_id
LEFT JOIN words AS w ON w.word = p.word
/*kept*/
