-- What people did (by default every click and visit), with the person, the campaign and, when it is no touch of anybody's, the
-- reason: `machine` (the vendor says so), `scanner`, `unsubscribe` (a click on such a link), `same_click`; see odd_touches.sql.
SELECT
    t.connection,
    t.campaign_key,
    COALESCE(g.campaign_id, t.campaign_key) AS campaign_id,
    t.key_id,
    COALESCE(p.person, t.key_id) AS person,
    t.action,
    t.happened_at,
    t.link_id,
    t.ordinal,
    t.variant,
    t.level,
    t.channel AS word,
    COALESCE(w.text, '') AS channel,
    CASE
        WHEN t.is_machine = 1 THEN 'machine'
        WHEN o.reason = 'scanner' THEN 'scanner'
        WHEN t.action = 4 AND l.is_unsubscribe = 1 THEN 'unsubscribe'
        ELSE COALESCE(o.reason, '')
    END AS reason
FROM touchpoints AS t
LEFT JOIN person_of AS p ON p.key_id = t.key_id
LEFT JOIN campaign_of AS g ON g.campaign_key = t.campaign_key
LEFT JOIN campaign_links AS l ON l.link_id = t.link_id
LEFT JOIN words AS w ON w.word = t.channel
LEFT JOIN odd_touches AS o
    ON o.key_id = t.key_id AND o.campaign_key = t.campaign_key AND o.happened_at = t.happened_at AND o.action = t.action
    AND o.connection = t.connection
WHERE t.action IN (/*actions*/)/*whose*/
