"""A few questions over the views that every tool begins with; each is one SELECT that SQLite runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Query:
    """A named question."""

    name: str
    title: str
    note: str
    sql: str


QUERIES: Final = (
    Query(
        "net_revenue_by_month",
        "Net revenue by month",
        "Sales, edits and refunds of products in the month they happened, of the one copy of each order whose money counts.",
        """\
SELECT substr(l.happened_at, 1, 7) AS month, l.currency, round(sum(l.amount), 2) AS net_revenue,
  count(DISTINCT l.order_id) AS orders
FROM v_order_ledger l
JOIN v_orders o ON o.connection = l.connection AND o.order_id = l.order_id
WHERE o.is_money_source = 1 AND o.kind = 'order' AND coalesce(o.is_test, 0) = 0 AND l.part IN ('product', 'adjustment')
GROUP BY month, l.currency
ORDER BY month, l.currency""",
    ),
    Query(
        "messages",
        "What each message did",
        "People reached and people who clicked; clicks that the platform calls a machine's are left out. Nobody tells whom an"
        " automation was sent to where sent_to is empty.",
        """\
WITH done AS (
  SELECT t.campaign_connection, t.campaign_id,
    nullif(count(DISTINCT CASE WHEN t.action = 'send' THEN t.person END), 0) AS sent_to,
    count(DISTINCT CASE WHEN t.action = 'click' AND coalesce(t.is_machine, 0) = 0 THEN t.person END) AS clicked
  FROM v_touchpoints t
  WHERE t.campaign_id IS NOT NULL
  GROUP BY t.campaign_connection, t.campaign_id)
SELECT c.connection, c.campaign_id, c.title, c.sent_at, c.level, d.sent_to, d.clicked
FROM done d
JOIN v_campaigns c ON c.connection = d.campaign_connection AND c.campaign_id = d.campaign_id
ORDER BY c.sent_at DESC, c.connection, c.campaign_id""",
    ),
    Query(
        "consents_now",
        "Who may be mailed",
        "People by their last consent for each channel, as each platform has it.",
        """\
WITH last AS (
  SELECT c.connection, c.channel, c.state, c.person,
    row_number() OVER (PARTITION BY c.connection, c.channel, c.person ORDER BY c.number DESC) AS newest
  FROM v_consents c)
SELECT connection, channel, state, count(*) AS people
FROM last
WHERE newest = 1
GROUP BY connection, channel, state
ORDER BY connection, channel, state""",
    ),
    Query(
        "coverage",
        "How far the data reach",
        "Holes come first: what was skipped, and why.",
        """\
SELECT connection, stream, state, reason, min(from_at) AS from_at, max(to_at) AS to_at, count(*) AS parts
FROM v_coverage
GROUP BY connection, stream, state, reason
ORDER BY state = 'complete', connection, stream""",
    ),
)
