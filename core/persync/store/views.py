"""The `v_*` views: the readable, versioned contract for BI tools. Times are ISO 8601 UTC, money is in major units.

Their version is in the store too, for a tool to check: `SELECT version FROM v_version`. What a row of each is, and which column
dates it, stands in `told.py`.
"""

from __future__ import annotations

import sqlite3
from typing import Final

VIEWS_VERSION: Final = 7
"""raised with every change of a view: stores make their views anew then, and whoever reads them can tell"""


def _iso(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000.0, 'unixepoch')"


def _major(amount: str, currency: str) -> str:
    zero = "'BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'"
    three = "'BHD','IQD','JOD','KWD','LYD','OMR','TND'"
    return (
        f"CASE WHEN {amount} IS NULL THEN NULL WHEN {currency} IN ({zero}) THEN printf('%d', {amount})"
        f" WHEN {currency} IN ({three}) THEN printf('%s%d.%03d', iif({amount} < 0, '-', ''), abs({amount}) / 1000,"
        f" abs({amount}) % 1000)"
        f" WHEN {currency} IN ('CLF','UYW') THEN printf('%s%d.%04d', iif({amount} < 0, '-', ''), abs({amount}) / 10000,"
        f" abs({amount}) % 10000)"
        f" ELSE printf('%s%d.%02d', iif({amount} < 0, '-', ''), abs({amount}) / 100, abs({amount}) % 100) END"
    )


VIEWS: Final = {
    "v_campaigns": f"""
SELECT n.name AS connection, k.key AS campaign_id, c.kind, c.title, c.subject, c.list, c.parent, c.status,
  {_iso("c.created_at")} AS created_at, {_iso("c.sent_at")} AS sent_at, c.counts_opens, c.counts_clicks, v.level,
  {_major("c.budget_minor", "c.currency")} AS budget, c.currency
FROM campaigns c JOIN campaign_keys k ON k.campaign_key = c.campaign_key JOIN connections n ON n.connection = c.connection
LEFT JOIN campaign_levels v ON v.campaign_key = c.campaign_key""",
    "v_campaign_counters": f"""
SELECT n.name AS connection, k.key AS campaign_id, t.variant, t.number, t.selected, t.sent, t.delivered, t.hard_bounces,
  t.soft_bounces, t.opens, t.unique_opens, t.human_opens, t.unique_human_opens, t.clicks, t.unique_clicks, t.unsubscribes,
  t.complaints, t.dropped, {_iso("t.observed_at")} AS observed_at
FROM campaign_counters t JOIN campaign_keys k ON k.campaign_key = t.campaign_key
LEFT JOIN connections n ON n.connection = k.connection""",
    "v_touchpoints": f"""
SELECT n.name AS connection, k.kind AS campaign_key_kind, k.key AS campaign_key, coalesce(p.person, t.key_id) AS person,
  a.name AS action, {_iso("t.happened_at")} AS happened_at, l.url AS link, t.ordinal, t.variant, t.level, t.is_machine,
  w.text AS channel, s.text AS source, x.name AS campaign_connection, m.key AS campaign_id
FROM touchpoints t JOIN connections n ON n.connection = t.connection JOIN actions a ON a.action = t.action
LEFT JOIN campaign_keys k ON k.campaign_key = t.campaign_key LEFT JOIN person_of p ON p.key_id = t.key_id
LEFT JOIN campaign_links l ON l.link_id = t.link_id LEFT JOIN words w ON w.word = t.channel
LEFT JOIN words s ON s.word = t.source LEFT JOIN campaign_of f ON f.campaign_key = t.campaign_key
LEFT JOIN campaigns g ON g.campaign_key = f.campaign_id LEFT JOIN campaign_keys m ON m.campaign_key = g.campaign_key
LEFT JOIN connections x ON x.connection = g.connection""",
    "v_orders": f"""
SELECT n.name AS connection, k.vendor_order_id AS order_id, k.shop, k.shop_order_id, k.shop_order_name, o.kind,
  coalesce(p.person, o.key_id) AS person, {_iso("o.ordered_at")} AS ordered_at, o.status, o.is_test,
  {_iso("o.cancelled_at")} AS cancelled_at, o.currency, o.sales_channel, o.accepts_marketing,
  {_major("o.total_minor", "o.currency")} AS total, o.journey, f.is_money_source, o.cart,
  {_iso("o.opened_at")} AS opened_at
FROM orders o JOIN order_keys k ON k.order_key = o.order_key JOIN connections n ON n.connection = o.connection
LEFT JOIN person_of p ON p.key_id = o.key_id LEFT JOIN order_of f ON f.order_key = o.order_key""",
    "v_order_ledger": f"""
SELECT n.name AS connection, k.vendor_order_id AS order_id, l.entry, l.event, l.part,
  {_iso("l.happened_at")} AS happened_at, {_major("l.amount_minor", "l.currency")} AS amount, l.currency
FROM order_ledger l JOIN order_keys k ON k.order_key = l.order_key JOIN connections n ON n.connection = k.connection""",
    "v_order_lines": f"""
SELECT n.name AS connection, k.vendor_order_id AS order_id, l.line, l.product, l.sku, l.quantity, l.current_quantity,
  l.is_gift_card, {_major("l.price_minor", "o.currency")} AS price, {_major("l.unit_cost_minor", "o.currency")} AS unit_cost
FROM order_lines l JOIN order_keys k ON k.order_key = l.order_key JOIN connections n ON n.connection = k.connection
LEFT JOIN orders o ON o.order_key = l.order_key""",
    "v_consents": f"""
SELECT n.name AS connection, coalesce(p.person, c.key_id) AS person, c.channel, c.number, c.state, c.level, c.source,
  {_iso("c.changed_at")} AS changed_at, {_iso("c.observed_at")} AS observed_at
FROM consents c JOIN connections n ON n.connection = c.connection LEFT JOIN person_of p ON p.key_id = c.key_id""",
    "v_consent_changes": f"""
SELECT n.name AS connection, coalesce(p.person, c.key_id) AS person, c.channel, {_iso("c.happened_at")} AS happened_at, c.state
FROM consent_changes c JOIN connections n ON n.connection = c.connection LEFT JOIN person_of p ON p.key_id = c.key_id""",
    "v_claims": f"""
SELECT n.name AS connection, k.key AS campaign_id, o.vendor_order_id AS order_id, c.model, c.number,
  {_iso("c.from_at")} AS from_at, {_iso("c.to_at")} AS to_at, c.orders, {_major("c.amount_minor", "c.currency")} AS amount,
  c.currency, {_iso("c.observed_at")} AS observed_at
FROM claims c JOIN connections n ON n.connection = c.connection
LEFT JOIN campaign_keys k ON k.campaign_key = c.campaign_key LEFT JOIN order_keys o ON o.order_key = c.order_key""",
    "v_link_counters": f"""
SELECT n.name AS connection, k.key AS campaign_id, l.url AS link, t.variant, t.number, t.clicks, t.unique_clicks,
  {_iso("t.observed_at")} AS observed_at
FROM link_counters t JOIN campaign_keys k ON k.campaign_key = t.campaign_key
LEFT JOIN connections n ON n.connection = k.connection LEFT JOIN campaign_links l ON l.link_id = t.link_id""",
    "v_order_discounts": f"""
SELECT n.name AS connection, k.vendor_order_id AS order_id, d.discount, d.kind, d.code,
  {_major("d.amount_minor", "d.currency")} AS amount, d.currency
FROM order_discounts d JOIN order_keys k ON k.order_key = d.order_key JOIN connections n ON n.connection = k.connection""",
    "v_order_payments": f"""
SELECT n.name AS connection, k.vendor_order_id AS order_id, p.payment, p.kind, p.status, p.gateway,
  {_iso("p.happened_at")} AS happened_at, {_major("p.amount_minor", "p.currency")} AS amount,
  {_major("p.fee_minor", "p.currency")} AS fee, p.currency
FROM order_payments p JOIN order_keys k ON k.order_key = p.order_key JOIN connections n ON n.connection = k.connection""",
    "v_carts": f"""
SELECT n.name AS connection, c.cart, coalesce(p.person, c.key_id) AS person, k.key AS campaign_id,
  {_iso("c.created_at")} AS created_at, {_iso("c.updated_at")} AS updated_at, {_iso("c.completed_at")} AS completed_at,
  c.status, {_major("c.total_minor", "c.currency")} AS total, c.currency, c.shop, c.recovery,
  {_iso("c.recovery_sent_at")} AS recovery_sent_at
FROM carts c JOIN connections n ON n.connection = c.connection LEFT JOIN person_of p ON p.key_id = c.key_id
LEFT JOIN campaign_keys k ON k.campaign_key = c.campaign_key""",
    "v_products": f"""
SELECT n.name AS connection, p.product, p.title, p.kind, p.status, {_iso("p.created_at")} AS created_at
FROM products p JOIN connections n ON n.connection = p.connection""",
    "v_unit_costs": f"""
SELECT n.name AS connection, u.item, u.number, u.product, u.sku, {_major("u.unit_cost_minor", "u.currency")} AS unit_cost,
  u.currency, {_iso("u.observed_at")} AS observed_at
FROM unit_costs u JOIN connections n ON n.connection = u.connection""",
    "v_promo_codes": f"""
SELECT n.name AS connection, p.promotion, p.code, p.kind, p.share, {_major("p.amount_minor", "p.currency")} AS amount,
  p.currency, {_iso("p.starts_at")} AS starts_at, {_iso("p.ends_at")} AS ends_at, p.uses
FROM promo_codes p JOIN connections n ON n.connection = p.connection""",
    "v_tickets": f"""
SELECT n.name AS connection, t.ticket, coalesce(p.person, t.key_id) AS person, {_iso("t.created_at")} AS created_at,
  {_iso("t.closed_at")} AS closed_at, {_iso("t.first_reply_at")} AS first_reply_at, t.stage, t.category, t.priority, t.source
FROM tickets t JOIN connections n ON n.connection = t.connection LEFT JOIN person_of p ON p.key_id = t.key_id""",
    "v_feedback": f"""
SELECT n.name AS connection, f.submission, coalesce(p.person, f.key_id) AS person, f.kind, f.survey, f.channel, f.value,
  f.grade, {_iso("f.submitted_at")} AS submitted_at, f.ticket
FROM feedback f JOIN connections n ON n.connection = f.connection LEFT JOIN person_of p ON p.key_id = f.key_id""",
    "v_companies": f"""
SELECT n.name AS connection, c.company, {_iso("c.created_at")} AS created_at, c.stage, c.industry, c.country, c.size
FROM companies c JOIN connections n ON n.connection = c.connection""",
    "v_deletions": f"""
SELECT n.name AS connection, d.thing, d.vendor_id, {_iso("d.deleted_at")} AS deleted_at,
  {_iso("d.observed_at")} AS observed_at
FROM deletions d JOIN connections n ON n.connection = d.connection""",
    "v_costs": f"""
SELECT n.name AS connection, c.entry, {_iso("c.happened_at")} AS happened_at, c.category,
  {_major("c.amount_minor", "c.currency")} AS amount, c.currency, c.scope, c.amortise_months
FROM costs c JOIN connections n ON n.connection = c.connection""",
    "v_sessions": f"""
SELECT n.name AS connection, s.session, coalesce(p.person, s.key_id) AS person, {_iso("s.started_at")} AS started_at, s.source,
  s.medium, s.campaign, s.device, s.pages, s.seconds, s.is_bounced, s.experience, s.is_converted
FROM sessions s JOIN connections n ON n.connection = s.connection LEFT JOIN person_of p ON p.key_id = s.key_id""",
    "v_social_posts": f"""
SELECT n.name AS connection, s.network, s.post, {_iso("s.posted_at")} AS posted_at, s.campaign, s.reach, s.followers, s.likes,
  s.shares, s.comments
FROM social_posts s JOIN connections n ON n.connection = s.connection""",
    "v_work_times": f"""
SELECT n.name AS connection, w.entry, w.task, {_iso("w.from_at")} AS from_at, {_iso("w.to_at")} AS to_at, w.hours_before,
  w.hours_after, {_major("w.rate_minor", "w.currency")} AS rate, w.currency, w.on_cost, w.output
FROM work_times w JOIN connections n ON n.connection = w.connection""",
    "v_ad_spend": f"""
SELECT n.name AS connection, a.entry, {_iso("a.happened_at")} AS happened_at, a.channel, a.campaign, a.purpose,
  {_major("a.amount_minor", "a.currency")} AS amount, a.currency
FROM ad_spend a JOIN connections n ON n.connection = a.connection""",
    "v_wallets": f"""
SELECT n.name AS connection, coalesce(p.person, w.key_id) AS person, w.category, {_iso("w.from_at")} AS from_at,
  {_iso("w.to_at")} AS to_at, {_major("w.amount_minor", "w.currency")} AS amount, w.currency
FROM wallets w JOIN connections n ON n.connection = w.connection LEFT JOIN person_of p ON p.key_id = w.key_id""",
    "v_coverage": f"""
SELECT n.name AS connection, c.stream, c.partition, {_iso("c.from_at")} AS from_at, {_iso("c.to_at")} AS to_at, c.state,
  c.reason
FROM coverage c JOIN connections n ON n.connection = c.connection""",
    "v_version": f"SELECT {VIEWS_VERSION} AS version",
}


def create_views(db: sqlite3.Connection) -> None:
    """Drop and create every view: they hold no data, so the newest text always wins."""
    for name, text in VIEWS.items():
        db.execute(f"DROP VIEW IF EXISTS {name}")
        db.execute(f"CREATE VIEW {name} AS {text.strip()}")
