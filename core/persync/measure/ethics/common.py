"""What several measures of this room build on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.ethics.audit import Answer
from persync.measure.metric import Ask

TITLES: Final = (
    "titles AS (SELECT COALESCE(co.campaign_id, k.campaign_key) AS campaign_id, MIN(k.key) AS vendor,"
    " MAX(COALESCE(c.title, c.subject, k.key)) AS title, MAX(c.sent_at) AS sent_at FROM campaign_keys AS k"
    " LEFT JOIN campaign_of AS co ON co.campaign_key = k.campaign_key"
    " LEFT JOIN campaigns AS c ON c.campaign_key = k.campaign_key WHERE k.kind = 'id'"
    " GROUP BY COALESCE(co.campaign_id, k.campaign_key))"
)
"""CTE: what each campaign is called, and when the platform says it went out"""


def day(at: int, ask: Ask) -> str:
    """Return the day of a moment on the shop's calendar."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(ask.timezone)).date().isoformat()


def dates(first: int | None, last: int | None, ask: Ask) -> str:
    """Return the days between two moments, one where both are on it, nothing where one is not known."""
    if first is None or last is None:
        return ""
    days = [day(int(first), ask), day(int(last), ask)]
    return days[0] if days[0] == days[1] else " to ".join(days)


def status(told: Mapping[tuple[str, str], Answer], scopes: Iterable[str]) -> str:
    """Return what a person answered to a flag (item manipulation), under any of the names of what it is about."""
    for scope in scopes:
        if answer := told.get(("manipulation", scope)):
            return {"yes": "confirmed", "no": "dismissed"}.get(answer.grade, "to confirm")
    return "to confirm"


def counted(id: str, count: int, ask: Ask, by: Mapping[str, str], *, is_hidden: bool = False) -> Estimate:
    """Return a number of people under rule E1: one that could give somebody away is only said to be below the floor, one that
    is hidden so that a total does not give away another is only said to be hidden."""
    if 0 < count < ask.suppress_n:
        return rules.absent(id, rules.SUPPRESSED, by, unit="count", note=f"fewer than {ask.suppress_n} people")
    return rules.suppressed(id, ask, by, unit="count") if is_hidden else Estimate(id, count, unit="count", by=dict(by))
