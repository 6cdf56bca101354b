"""The `v_*` views: the readable, versioned contract for BI tools. Times are ISO 8601 UTC, money is in major units."""

from __future__ import annotations

import sqlite3
from typing import Final

VIEWS_VERSION: Final = 2


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
  {_iso("c.created_at")} AS created_at, {_iso("c.sent_at")} AS sent_at, c.counts_opens, c.counts_clicks, v.level
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
  w.text AS channel, s.text AS source
FROM touchpoints t JOIN connections n ON n.connection = t.connection JOIN actions a ON a.action = t.action
LEFT JOIN campaign_keys k ON k.campaign_key = t.campaign_key LEFT JOIN person_of p ON p.key_id = t.key_id
LEFT JOIN campaign_links l ON l.link_id = t.link_id LEFT JOIN words w ON w.word = t.channel
LEFT JOIN words s ON s.word = t.source""",
    "v_orders": f"""
SELECT n.name AS connection, k.vendor_order_id AS order_id, k.shop, k.shop_order_id, k.shop_order_name, o.kind,
  coalesce(p.person, o.key_id) AS person, {_iso("o.ordered_at")} AS ordered_at, o.status, o.is_test,
  {_iso("o.cancelled_at")} AS cancelled_at, o.currency, o.sales_channel, o.accepts_marketing,
  {_major("o.total_minor", "o.currency")} AS total, o.journey, f.is_money_source
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
    "v_claims": f"""
SELECT n.name AS connection, k.key AS campaign_id, o.vendor_order_id AS order_id, c.model, c.number,
  {_iso("c.from_at")} AS from_at, {_iso("c.to_at")} AS to_at, c.orders, {_major("c.amount_minor", "c.currency")} AS amount,
  c.currency, {_iso("c.observed_at")} AS observed_at
FROM claims c JOIN connections n ON n.connection = c.connection
LEFT JOIN campaign_keys k ON k.campaign_key = c.campaign_key LEFT JOIN order_keys o ON o.order_key = c.order_key""",
    "v_costs": f"""
SELECT n.name AS connection, c.entry, {_iso("c.happened_at")} AS happened_at, c.category,
  {_major("c.amount_minor", "c.currency")} AS amount, c.currency, c.scope, c.amortise_months
FROM costs c JOIN connections n ON n.connection = c.connection""",
    "v_coverage": f"""
SELECT n.name AS connection, c.stream, c.partition, {_iso("c.from_at")} AS from_at, {_iso("c.to_at")} AS to_at, c.state,
  c.reason
FROM coverage c JOIN connections n ON n.connection = c.connection""",
}


def create_views(db: sqlite3.Connection) -> None:
    """Drop and create every view: they hold no data, so the newest text always wins."""
    for name, text in VIEWS.items():
        db.execute(f"DROP VIEW IF EXISTS {name}")
        db.execute(f"CREATE VIEW {name} AS {text.strip()}")
