-- What a touch's campaign key is called, one row a key: the message itself, the campaign it belongs to (the one that its platform
-- names as its parent, else itself), its level of personalisation and the automation that sends it.
WITH facts AS (
    SELECT
        COALESCE(g.campaign_id, t.campaign_key) AS campaign_id,
        MIN(p.campaign_key) AS parent_key,
        MAX(CASE WHEN LOWER(COALESCE(t.kind, '')) LIKE '%automat%' THEN 1 ELSE 0 END) AS is_automated
    FROM campaigns AS t
    LEFT JOIN campaign_of AS g ON g.campaign_key = t.campaign_key
    LEFT JOIN campaign_keys AS p ON p.connection = t.connection AND p.kind = 'id' AND p.key = t.parent
    GROUP BY COALESCE(g.campaign_id, t.campaign_key)
),
workflows AS (
    SELECT COALESCE(g.campaign_id, e.campaign_key) AS campaign_id, MIN(e.detail) AS workflow
    FROM campaign_evidence AS e
    LEFT JOIN campaign_of AS g ON g.campaign_key = e.campaign_key
    WHERE e.kind = 'workflow'
    GROUP BY COALESCE(g.campaign_id, e.campaign_key)
),
texts AS (
    SELECT k.campaign_key, COALESCE(n.name || ':', '') || k.key AS text, COALESCE(n.name || ':', '') AS owner
    FROM campaign_keys AS k
    LEFT JOIN connections AS n ON n.connection = k.connection
)
SELECT
    c.campaign_key,
    COALESCE(m.text, '(unknown)') AS message,
    COALESCE(q.text, m.text, '(unknown)') AS campaign,
    COALESCE(CAST(v.level AS VARCHAR(8)), 'unknown') AS level,
    CASE
        WHEN w.workflow IS NOT NULL THEN COALESCE(m.owner, '') || w.workflow
        WHEN f.is_automated = 1 THEN COALESCE(m.text, '(unknown)')
        ELSE '(no automation)'
    END AS automation
FROM campaign_keys AS c
LEFT JOIN campaign_of AS g ON g.campaign_key = c.campaign_key
LEFT JOIN texts AS m ON m.campaign_key = COALESCE(g.campaign_id, c.campaign_key)
LEFT JOIN facts AS f ON f.campaign_id = COALESCE(g.campaign_id, c.campaign_key)
LEFT JOIN campaign_of AS h ON h.campaign_key = f.parent_key
LEFT JOIN texts AS q ON q.campaign_key = COALESCE(h.campaign_id, f.parent_key)
LEFT JOIN campaign_levels AS v ON v.campaign_key = COALESCE(g.campaign_id, c.campaign_key)
LEFT JOIN workflows AS w ON w.campaign_id = COALESCE(g.campaign_id, c.campaign_key)
