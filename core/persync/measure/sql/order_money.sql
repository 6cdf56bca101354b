-- One row an order (not a copy of it): whose, when, its state, and its money as the ledger stands.
-- revenue_minor follows the basis: net = product + adjustment, gross (:gross = 1) = all parts.
-- is_counted: neither cancelled, void, expired, lost nor fully refunded. Test orders are not here at all.
-- A deal is an order only once it is won.
order_facts AS (
  SELECT
    oo.order_id AS order_id,
    MAX(CASE WHEN oo.is_money_source = 1 THEN o.order_key END) AS order_key,
    COALESCE(
      MAX(CASE WHEN oo.is_money_source = 1 THEN COALESCE(po.person, o.key_id) END),
      MIN(COALESCE(po.person, o.key_id))) AS person,
    COALESCE(MAX(CASE WHEN oo.is_money_source = 1 THEN o.ordered_at END), 0) AS ordered_at,
    MAX(CASE WHEN oo.is_money_source = 1 THEN o.kind END) AS kind,
    MAX(CASE WHEN oo.is_money_source = 1 THEN o.status END) AS status,
    MAX(CASE WHEN oo.is_money_source = 1 AND o.cancelled_at IS NOT NULL THEN 1 ELSE 0 END) AS is_cancelled,
    MAX(COALESCE(o.is_test, 0)) AS is_test
  FROM order_of AS oo
  JOIN orders AS o ON o.order_key = oo.order_key
  LEFT JOIN person_of AS po ON po.key_id = o.key_id
  GROUP BY oo.order_id),
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
  LEFT JOIN ledger_sums AS l ON l.order_key = f.order_key
  WHERE f.is_test = 0
    AND f.order_key IS NOT NULL
    AND (COALESCE(f.kind, 'order') <> 'deal' OR f.status = 'won'))
