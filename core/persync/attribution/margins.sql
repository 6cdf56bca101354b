-- How much of each order's net is margin, one row an order and currency: `ratio`, `known` (the share of its money whose unit
-- costs are known) and `net_minor`. A line's cost is the one it was first seen with, else what its variant (by SKU, else all of
-- its product's alike) cost the shop at the order's date, or was first seen to cost after it. The costs are those of the pieces
-- that were kept, over the net as it is now; where nothing is left of it, of all pieces over what was taken. How much of the
-- money is of lines with a known cost is told by prices, or by pieces where a price is missing. Of the rest :margin is taken
-- for margin; with :margin below zero the rest is left out.
WITH snapshots AS (
    SELECT
        u.connection,
        u.item,
        u.product,
        u.sku,
        u.currency,
        u.unit_cost_minor,
        CASE
            WHEN ROW_NUMBER() OVER (PARTITION BY u.connection, u.item ORDER BY u.number) = 1 THEN -4611686018427387904
            ELSE u.observed_at
        END AS from_at,
        COALESCE(LEAD(u.observed_at) OVER (PARTITION BY u.connection, u.item ORDER BY u.number), 4611686018427387904) AS to_at
    FROM unit_costs AS u
),
lines AS (
    SELECT
        m.order_id,
        m.order_key,
        m.connection,
        m.ordered_at,
        m.currency,
        l.line,
        l.product,
        l.sku,
        l.price_minor,
        COALESCE(l.current_quantity, l.quantity, 1) AS pieces_now,
        COALESCE(l.quantity, 1) AS pieces_sold,
        l.unit_cost_minor
    FROM money_orders AS m
    JOIN order_lines AS l ON l.order_key = m.order_key
    WHERE COALESCE(l.is_gift_card, 0) = 0
),
by_sku AS (
    SELECT l.order_key, l.line, MIN(s.unit_cost_minor) AS low, MAX(s.unit_cost_minor) AS high
    FROM lines AS l
    JOIN snapshots AS s ON s.connection = l.connection AND s.sku = l.sku AND s.currency = l.currency
    WHERE l.unit_cost_minor IS NULL AND l.ordered_at >= s.from_at AND l.ordered_at < s.to_at
    GROUP BY l.order_key, l.line
),
by_product AS (
    SELECT l.order_key, l.line, MIN(s.unit_cost_minor) AS low, MAX(s.unit_cost_minor) AS high
    FROM lines AS l
    JOIN snapshots AS s ON s.connection = l.connection AND s.product = l.product AND s.currency = l.currency
    WHERE l.unit_cost_minor IS NULL AND l.ordered_at >= s.from_at AND l.ordered_at < s.to_at
    GROUP BY l.order_key, l.line
),
costed AS (
    SELECT
        l.order_id,
        l.price_minor,
        l.pieces_now,
        l.pieces_sold,
        COALESCE(
            l.unit_cost_minor,
            CASE WHEN k.low = k.high THEN k.low END,
            CASE WHEN p.low = p.high THEN p.low END
        ) AS cost_minor
    FROM lines AS l
    LEFT JOIN by_sku AS k ON k.order_key = l.order_key AND k.line = l.line
    LEFT JOIN by_product AS p ON p.order_key = l.order_key AND p.line = l.line
),
sums AS (
    SELECT
        c.order_id,
        COUNT(*) AS lines,
        COUNT(c.price_minor) AS priced,
        CAST(SUM(COALESCE(c.price_minor, 0)) AS BIGINT) AS price,
        CAST(SUM(c.pieces_now) AS BIGINT) AS pieces_now,
        CAST(SUM(c.pieces_sold) AS BIGINT) AS pieces_sold,
        CAST(SUM(CASE WHEN c.cost_minor IS NOT NULL THEN COALESCE(c.price_minor, 0) ELSE 0 END) AS BIGINT) AS known_price,
        CAST(SUM(CASE WHEN c.cost_minor IS NOT NULL THEN c.pieces_now ELSE 0 END) AS BIGINT) AS known_now,
        CAST(SUM(CASE WHEN c.cost_minor IS NOT NULL THEN c.pieces_sold ELSE 0 END) AS BIGINT) AS known_sold,
        CAST(SUM(COALESCE(c.cost_minor, 0) * c.pieces_now) AS BIGINT) AS cost_now,
        CAST(SUM(COALESCE(c.cost_minor, 0) * c.pieces_sold) AS BIGINT) AS cost_sold
    FROM costed AS c
    GROUP BY c.order_id
),
nets AS (
    SELECT
        m.order_id,
        l.currency,
        CAST(SUM(l.amount_minor) AS BIGINT) AS net_minor,
        CAST(SUM(GREATEST(l.amount_minor, 0)) AS BIGINT) AS sold_minor
    FROM money_orders AS m
    JOIN order_ledger AS l ON l.order_key = m.order_key
    WHERE l.part IN ('product', 'adjustment')
    GROUP BY m.order_id, l.currency
),
measured AS (
    SELECT
        n.order_id,
        n.currency,
        n.net_minor,
        CASE
            WHEN s.lines IS NULL THEN 0
            WHEN s.priced = s.lines AND s.price > 0 AND n.net_minor > 0 THEN 1
            WHEN s.pieces_now > 0 AND n.net_minor > 0 THEN 2
            WHEN s.pieces_sold > 0 AND n.sold_minor > 0 THEN 3
            ELSE 0
        END AS measure,
        n.sold_minor,
        s.price,
        s.pieces_now,
        s.pieces_sold,
        s.known_price,
        s.known_now,
        s.known_sold,
        s.cost_now,
        s.cost_sold
    FROM nets AS n
    LEFT JOIN sums AS s ON s.order_id = n.order_id
),
shares AS (
    SELECT
        e.order_id,
        e.currency,
        e.net_minor,
        CASE e.measure
            WHEN 1 THEN CAST(e.known_price AS DOUBLE) / e.price
            WHEN 2 THEN CAST(e.known_now AS DOUBLE) / e.pieces_now
            WHEN 3 THEN CAST(e.known_sold AS DOUBLE) / e.pieces_sold
            ELSE 0e0
        END AS known,
        CASE e.measure
            WHEN 1 THEN CAST(e.cost_now AS DOUBLE) / e.net_minor
            WHEN 2 THEN CAST(e.cost_now AS DOUBLE) / e.net_minor
            WHEN 3 THEN CAST(e.cost_sold AS DOUBLE) / e.sold_minor
            ELSE 0e0
        END AS cost
    FROM measured AS e
)
SELECT
    h.order_id,
    h.currency,
    h.net_minor,
    h.known,
    h.known - h.cost + (1e0 - h.known) * GREATEST(CAST(:margin AS DOUBLE), 0e0) AS ratio
FROM shares AS h
