"""Persync's own segments and scores as decisions: who was in a segment, or scored high enough, and what came of it.

Everything is worked out as of that moment: the first of the asked period, else the last whose window is over. The window after
it tells who ordered, which is what turned out, and who was sent anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from persync.attribution.journeys import build_orders, build_touches
from persync.engine.engine import Engine
from persync.errors import ConfigError, nearest
from persync.estimate import Estimate
from persync.measure import engaged, membership, rules
from persync.measure.fairness.decisions import NO_LABELS, NO_SCORES, assess_table
from persync.measure.fairness.groups import Groups
from persync.measure.metric import Ask
from persync.measure.occasions import watched_until
from persync.measure.rules import DAY
from persync.measure.texts import join, piece, write
from persync.measure.value.outlooks import outlooks

SCORES: Final = ("engagement", "churn", "value")
TABLE: Final = "own_decisions"
_UNITS: Final = {"engagement": "of 100", "churn": "chance of being a customer no more", "value": "expected"}
_SEGMENT: Final = (
    "judged AS (SELECT s.person AS person, CASE WHEN m.person IS NULL THEN 0 ELSE 1 END AS selected,"
    " CAST(NULL AS DOUBLE) AS score FROM standings AS s"
    " LEFT JOIN (SELECT DISTINCT x.person AS person FROM segment_members AS x WHERE x.at = :at AND x.segment = :segment) AS m"
    " ON m.person = s.person WHERE s.at = :at)"
)
_BEGUN: Final = "begun AS (SELECT CAST(:at AS BIGINT) AS first_at)"


@dataclass(frozen=True, slots=True)
class Own:
    """A segment (`threshold` None), or a score and from which value on it selects."""

    name: str
    threshold: float | None = None

    @property
    def title(self) -> str:
        """What stands as `decision` in an estimate's `by`."""
        return f"segment {self.name}" if self.threshold is None else f"score {self.name}"


def asked(ask: Ask) -> list[Own]:
    """Return what the settings name: segments, then scores."""
    return [*map(Own, ask.fairness.segments), *(Own(name, least) for name, least in ask.fairness.scores.items())]


def assess_each(engine: Engine, groupings: Sequence[Groups], ask: Ask, own: Own) -> list[Estimate]:
    """Assess a segment or score by each grouping, as `decisions.assess_each` does an imported decision.

    Of a segment everybody known at the moment is decided about, of `engagement` everybody known to a platform, of `churn` and
    `value` every customer. Selected is whoever was in the segment, or had at least the threshold. Qualified is whoever ordered
    within `fairness.window_days` of the moment, of `churn` whoever did not; null, `immature`, until these are over. No score
    is a chance of that outcome, so that `calibration` is null, `no_scores`.

    Null with its reason where a score cannot be told (too few repeat buyers, several currencies) and, `immature`, where the
    period has not begun. Raises ConfigError for a segment or score that there is not.
    """
    seen = decide(engine, ask, own)
    period = seen.then.period
    if seen.reason is not None:
        by = [{"attribute": groups.title, "decision": own.title} for groups in groupings]
        return [replace(rules.absent("selection_rate", seen.reason, here, unit="share"), period=period) for here in by]
    found = assess_table(engine, groupings, seen.then, own.title, TABLE, has_scores=False)
    return [replace(_told(one, own, seen.then, is_over=seen.is_over), period=period) for one in found]


@dataclass(frozen=True, slots=True)
class Decided:
    """When it was decided (`then.period` is the window that begins there), whether the window `is_over`, and the `reason` why
    nothing can be told."""

    then: Ask
    is_over: bool
    reason: str | None


def decide(engine: Engine, ask: Ask, own: Own) -> Decided:
    """Write whom a segment or score selected, its scores, and what turned out into `TABLE`, unless there is a reason why not.

    Raises ConfigError for a segment or score that there is not.
    """
    build_orders(engine)
    window = round(ask.fairness.window_days * DAY)
    watched = watched_until(engine, replace(ask, period=None))
    at = ask.period[0] if ask.period else watched - window
    then, is_over = replace(ask, period=(at, at + window)), at + window <= watched
    reason: str | None = rules.IMMATURE
    if at <= ask.now:
        texts, params, reason = _judged(engine, then, own)
    if reason is not None:
        return Decided(then, is_over, reason)
    given: dict[str, Any] = {
        **params,
        "at": at,
        "days_ms": window,
        "gross": int(ask.basis == "gross"),
        "decision": own.title,
        "is_over": int(is_over),
        "stayed_away": int(own.name == "churn" and own.threshold is not None),
    }
    whole = (*texts, _BEGUN, piece("order_money"), piece("bought_since"), piece("own_decisions"))
    write(engine, join(*whole), given, TABLE)
    return Decided(then, is_over, None)


def _judged(engine: Engine, then: Ask, own: Own) -> tuple[list[str], dict[str, Any], str | None]:
    """Return the CTEs that end in `judged (person, selected, score)`, their parameters, and why there are none."""
    assert then.period is not None
    at = then.period[0]
    if own.threshold is None:
        check_segment(own.name, then)
        membership.build(engine, then, [at], (membership.kind_of(own.name),))
        return [_SEGMENT], {"segment": own.name}, None
    if own.name == "engagement":
        build_touches(engine)
        texts, params = engaged.scores_at(then, at)
        return [*texts, _at_least("scores", "score")], {**params, "threshold": own.threshold}, None
    if own.name not in SCORES:
        raise ConfigError(f"there is no score '{own.name}'.", hint=nearest(own.name, SCORES))
    seen = outlooks(engine, then, at)
    column = "gone" if own.name == "churn" else "worth"
    return [seen.text, _at_least("outlooks", column)], {**(seen.params or {}), "threshold": own.threshold}, seen.reason


def _at_least(table: str, column: str) -> str:
    chosen = f"CASE WHEN s.{column} >= :threshold THEN 1 ELSE 0 END"
    return f"judged AS (SELECT s.person AS person, {chosen} AS selected, s.{column} * 1e0 AS score FROM {table} AS s)"


def check_segment(name: str, ask: Ask) -> None:
    """Raise ConfigError for the name of a segment that there is not, with the nearest one that there is."""
    known = [*ask.segments.rules, *membership.made()]
    if membership.kind_of(name) != membership.AFFINITY and name not in known:
        raise ConfigError(f"there is no segment '{name}'.", hint=nearest(name, known))


def _told(one: Estimate, own: Own, then: Ask, *, is_over: bool) -> Estimate:
    """Say of an estimate what was decided when, where it is the share selected of everybody, and why it has no labels."""
    assert then.period is not None
    if not is_over and one.reason == NO_LABELS:
        return replace(one, reason=rules.IMMATURE)
    if one.id == "calibration" and one.reason == NO_SCORES:
        return rules.with_note(one, "nothing here tells the chance that somebody orders")
    if one.id != "selection_rate" or "group" in one.by:
        return one
    day = datetime.fromtimestamp(then.period[0] / 1000, UTC).date()
    days = then.fairness.window_days
    what = f"as of {day}" if own.threshold is None else f"as of {day}, from {own.threshold:g} {_UNITS[own.name]} on"
    turned = "no order" if own.name == "churn" and own.threshold is not None else "an order"
    note = rules.with_note(one, f"{what}; {turned} within {days:g} days is what turned out")
    rule = then.segments.rules.get(own.name) if own.threshold is None else None
    return rules.with_note(note, membership.UNDATED if rule is not None and rule.attributes else "")
