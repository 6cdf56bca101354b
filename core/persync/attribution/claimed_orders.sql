-- What one platform (:connection) claims of single orders by one rule (:model) in one currency now, one row an order: in the period
-- (claimed_minor), for the campaign it gives most then (most_minor; one order may be claimed for two), and at other dates
-- (elsewhere_minor). An order that the store does not know is a negative number.
WITH newest AS (
    SELECT c.campaign_key, c.order_key, MAX(c.number) AS number
    FROM claims AS c
    WHERE c.connection = :connection AND c.model = :model AND c.order_key <> 0
    GROUP BY c.campaign_key, c.order_key
),
dated AS (
    SELECT
        COALESCE(f.order_id, -c.order_key) AS order_id,
        c.amount_minor,
        CASE
            WHEN COALESCE(c.from_at, g.sent_at, :period_from) >= :period_from
                AND COALESCE(c.from_at, g.sent_at, :period_from) < :period_to THEN 1
            ELSE 0
        END AS is_inside
    FROM claims AS c
    JOIN newest AS w ON w.campaign_key = c.campaign_key AND w.order_key = c.order_key AND w.number = c.number
    LEFT JOIN order_of AS f ON f.order_key = c.order_key
    LEFT JOIN campaigns AS g ON g.campaign_key = c.campaign_key
    WHERE c.connection = :connection
        AND c.model = :model
        AND c.order_key <> 0
        AND c.currency = :currency
        AND COALESCE(c.amount_minor, 0) <> 0
)
SELECT
    d.order_id,
    CAST(SUM(d.is_inside * d.amount_minor) AS BIGINT) AS claimed_minor,
    MAX(d.is_inside * d.amount_minor) AS most_minor,
    CAST(SUM((1 - d.is_inside) * d.amount_minor) AS BIGINT) AS elsewhere_minor
FROM dated AS d
GROUP BY d.order_id
