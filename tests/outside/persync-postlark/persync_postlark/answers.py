"""What Postlark's users ask: a model, a metric and a section."""

from __future__ import annotations

import math
from collections.abc import Sequence

from persync.attribution import AttributionModel
from persync.engine import Engine
from persync.errors import ConfigError, DataError
from persync.estimate import Estimate, missing
from persync.measure import Ask, Metric
from persync.report import Block, Column, Inputs, Note, Section, Table

FADING = AttributionModel(
    name="fading_mail",
    summary="Credit for e-mail alone; a touch loses half its weight in each :half days before the order.",
    weight="CASE WHEN j.is_email = 1 THEN POWER(0.5e0, j.age_days / :half) ELSE 0e0 END",
    params={"half": 5.0},
)

COUNTS = """
SELECT
  COUNT(DISTINCT CASE WHEN t.action = 1 THEN t.key_id END) AS sent,
  COUNT(DISTINCT CASE WHEN t.action = 4 THEN t.key_id END) AS clicked
FROM touchpoints AS t
JOIN words AS w ON w.word = t.channel
WHERE w.text = 'email' AND t.happened_at >= :period_from AND t.happened_at < :period_to
"""

BY_MESSAGE = """
SELECT c.title AS title,
  COUNT(CASE WHEN t.action = 1 THEN 1 END) AS sends,
  COUNT(CASE WHEN t.action = 4 THEN 1 END) AS clicks
FROM touchpoints AS t
JOIN campaign_of AS o ON o.campaign_key = t.campaign_key
JOIN campaigns AS c ON c.campaign_key = o.campaign_id
GROUP BY c.title
ORDER BY sends DESC, title
"""


def share(clicked: int, sent: int) -> tuple[float, float, float]:
    """Return a share with Wilson's 95 % interval (Wilson 1927)."""
    z, rate = 1.959964, clicked / sent
    middle = (rate + z * z / (2 * sent)) / (1 + z * z / sent)
    reach = z * math.sqrt(rate * (1 - rate) / sent + z * z / (4 * sent * sent)) / (1 + z * z / sent)
    return rate, max(0.0, min(rate, middle - reach)), min(1.0, max(rate, middle + reach))


def clicks_per_send(engine: Engine, ask: Ask) -> Sequence[Estimate]:
    """Return how many of those who were written to clicked."""
    if ask.by:
        raise ConfigError("clicks_per_send cannot be split.")
    begin, end = ask.period or (0, ask.now)
    if begin >= ask.now:
        return [missing("clicks_per_send", "immature", unit="share")]
    (row,) = engine.rows(COUNTS, {"period_from": begin, "period_to": min(end, ask.now)})
    sent, clicked = int(row["sent"]), min(int(row["clicked"]), int(row["sent"]))
    if not sent:
        return [missing("clicks_per_send", "no_denominator", unit="share")]
    rate, low, high = share(clicked, sent)
    return [Estimate("clicks_per_send", rate, low, high, n=sent, unit="share", period=ask.period)]


CLICKS = Metric(
    id="clicks_per_send",
    title="Clicked, of those written to",
    definition="Of the people who were sent an e-mail in the period, the share that clicked in one.",
    formula="people who clicked / people written to",
    unit="share",
    compute=clicks_per_send,
    edge_cases="Null before the period begins and while nobody was written to.",
    data=("touchpoints",),
)


def build(inputs: Inputs) -> Sequence[Block]:
    """Return a table of messages."""
    found = inputs.engine.rows(BY_MESSAGE)
    if not found:
        raise DataError("no message was sent yet.")
    sends = sum(int(row["sends"]) for row in found)
    table = Table(
        "postlark_messages",
        "Messages by their sends.",
        (Column("title", "Message"), Column("sends", "Sends", "count"), Column("clicks", "Clicks", "count")),
        tuple((str(row["title"] or "untitled"), int(row["sends"]), int(row["clicks"])) for row in found[:20]),
    )
    return [Note(f"{len(found):,} messages went out {sends:,} times.", "answer"), table]


MAIL = Section(name="postlark_mail", title="What did Postlark send?", build=build, order=860)
