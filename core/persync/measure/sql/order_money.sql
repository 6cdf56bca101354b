-- The money of each order as its ledger stands. revenue_minor follows the basis: net = product + adjustment, gross
-- (:gross = 1) = all parts. is_counted: neither cancelled, void, expired nor fully refunded.
ledger_sums AS (
  SELECT
    ol.order_key AS order_key,
    SUM(CASE WHEN :gross = 1 OR ol.part IN ('product', 'adjustment') THEN ol.amount_minor ELSE 0 END) AS revenue_minor,
    SUM(CASE WHEN ol.amount_minor > 0 THEN ol.amount_minor ELSE 0 END) AS taken_minor,
    SUM(ol.amount_minor) AS gross_minor,
    MIN(ol.currency) AS currency_low,
    MAX(ol.currency) AS currency_high
  FROM order_ledger AS ol
  GROUP BY ol.order_key),
order_money AS (
  SELECT
    f.order_id AS order_id,
    f.person AS person,
    f.ordered_at AS ordered_at,
    CAST(COALESCE(l.revenue_minor, 0) AS BIGINT) AS revenue_minor,
    l.currency_low AS currency_low,
    l.currency_high AS currency_high,
    CASE
      WHEN f.is_cancelled = 1 THEN 0
      WHEN COALESCE(f.status, '') IN ('cancelled', 'voided', 'expired', 'refunded') THEN 0
      WHEN COALESCE(l.taken_minor, 0) > 0 AND COALESCE(l.gross_minor, 0) <= 0 THEN 0
      ELSE 1
    END AS is_counted
  FROM order_facts AS f
  LEFT JOIN ledger_sums AS l ON l.order_key = f.order_key)
