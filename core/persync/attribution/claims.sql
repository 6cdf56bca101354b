-- What each platform says it earned now: the newest snapshot of each claim, by connection and the platform's own rule.
-- A claim without a date of its own takes its campaign's; one with neither is in every period.
WITH newest AS (
    SELECT c.connection, c.campaign_key, c.order_key, c.model, MAX(c.number) AS number
    FROM claims AS c
    GROUP BY c.connection, c.campaign_key, c.order_key, c.model
)
SELECT
    COALESCE(n.name, '') AS connection,
    c.model,
    COALESCE(c.currency, '') AS currency,
    COUNT(*) AS claims,
    SUM(c.orders) AS orders,
    CAST(SUM(COALESCE(c.amount_minor, 0)) AS BIGINT) AS amount_minor
FROM claims AS c
JOIN newest AS w
    ON w.connection = c.connection AND w.campaign_key = c.campaign_key AND w.order_key = c.order_key
    AND w.model = c.model AND w.number = c.number
LEFT JOIN connections AS n ON n.connection = c.connection
LEFT JOIN campaigns AS g ON g.campaign_key = c.campaign_key
WHERE COALESCE(c.from_at, g.sent_at, :period_from) >= :period_from
    AND COALESCE(c.from_at, g.sent_at, :period_from) < :period_to
GROUP BY n.name, c.model, c.currency
ORDER BY 1, 2, 3
