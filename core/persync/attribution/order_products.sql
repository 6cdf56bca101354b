-- What of each order was which product, in whole numbers: `part` of `total`, `upto` what the products before it and it come to,
-- by name. A product weighs what its lines cost now (after discounts, before tax); where a line's price is not known or
-- everything was sent back, its pieces do. Sold gift cards are no revenue.
WITH lines AS (
    SELECT
        m.order_id,
        CASE
            WHEN l.product IS NOT NULL THEN COALESCE(n.name || ':', '') || l.product
            WHEN l.sku IS NOT NULL THEN COALESCE(n.name || ':', '') || l.sku
            ELSE '(unknown)'
        END AS product,
        l.price_minor,
        COALESCE(l.current_quantity, l.quantity, 1) AS pieces_now,
        COALESCE(l.quantity, 1) AS pieces_sold
    FROM money_orders AS m
    JOIN order_lines AS l ON l.order_key = m.order_key
    LEFT JOIN connections AS n ON n.connection = m.connection
    WHERE COALESCE(l.is_gift_card, 0) = 0
),
orders_of AS (
    SELECT
        l.order_id,
        CASE
            WHEN COUNT(l.price_minor) = COUNT(*) AND SUM(GREATEST(COALESCE(l.price_minor, 0), 0)) > 0 THEN 1
            WHEN SUM(GREATEST(l.pieces_now, 0)) > 0 THEN 2
            ELSE 3
        END AS measure
    FROM lines AS l
    GROUP BY l.order_id
),
parts AS (
    SELECT
        l.order_id,
        l.product,
        CAST(SUM(
            CASE o.measure
                WHEN 1 THEN GREATEST(COALESCE(l.price_minor, 0), 0)
                WHEN 2 THEN GREATEST(l.pieces_now, 0)
                ELSE GREATEST(l.pieces_sold, 1)
            END
        ) AS BIGINT) AS part
    FROM lines AS l
    JOIN orders_of AS o ON o.order_id = l.order_id
    GROUP BY l.order_id, l.product
)
SELECT
    p.order_id,
    p.product,
    p.part,
    CAST(SUM(p.part) OVER (
        PARTITION BY p.order_id ORDER BY p.product ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS BIGINT) AS upto,
    CAST(SUM(p.part) OVER (PARTITION BY p.order_id) AS BIGINT) AS total
FROM parts AS p
