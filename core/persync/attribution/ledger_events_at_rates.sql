-- What happened to each order's money in the reporting currency, on a basis that is a share of net (margin) or at the exchange
-- rate of the order's date: every balance is turned at the order's one rate (money_rates) and rounded half away from zero, and an
-- event moves what its two balances differ by. So a full refund comes to zero whatever the rate. own_events is ledger_events.sql.
WITH products AS (
    SELECT
        b.*,
        CASE WHEN (b.after_minor < 0) = (r.rate_e12 < 0) THEN 1 ELSE -1 END AS after_sign,
        CASE WHEN (b.after_minor - b.amount_minor < 0) = (r.rate_e12 < 0) THEN 1 ELSE -1 END AS before_sign,
        CAST(ABS(b.after_minor) AS DECIMAL(38, 0)) * ABS(r.rate_e12) + 500000000000 AS after_product,
        CAST(ABS(b.after_minor - b.amount_minor) AS DECIMAL(38, 0)) * ABS(r.rate_e12) + 500000000000 AS before_product
    FROM own_events AS b
    JOIN money_rates AS r ON r.order_id = b.order_id AND r.currency = b.currency
),
turned AS (
    SELECT
        p.order_id,
        p.is_counted,
        p.currency AS was_currency,
        p.entry,
        p.event,
        p.event_at,
        p.after_sign * CAST(div(p.after_product, CAST(1000000000000 AS DECIMAL(38, 0))) AS BIGINT) AS after_minor,
        p.before_sign * CAST(div(p.before_product, CAST(1000000000000 AS DECIMAL(38, 0))) AS BIGINT) AS before_minor
    FROM products AS p
)
SELECT
    t.order_id,
    t.is_counted,
    /*currency*/ AS currency,
    t.entry,
    t.event,
    t.event_at,
    t.after_minor - t.before_minor AS amount_minor,
    ROW_NUMBER() OVER (PARTITION BY t.order_id ORDER BY t.event_at, t.entry, t.was_currency) AS event_number,
    t.after_minor
FROM turned AS t
WHERE t.after_minor <> t.before_minor
