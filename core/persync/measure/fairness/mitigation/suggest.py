"""Mitigation of an imported decision, of persync's own segments and scores, or of whom a message was sent to: asked, learnt,
judged and told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from persync.attribution.horizon import orders_note, orders_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.errors import DataError, nearest
from persync.estimate import RAW, Estimate
from persync.measure import rules
from persync.measure.fairness import bases, directions, groups
from persync.measure.fairness.decisions import names
from persync.measure.fairness.groups import Groups, is_known
from persync.measure.fairness.mitigation.effects import PRICES
from persync.measure.fairness.mitigation.frontier import Frontier, frontier
from persync.measure.fairness.mitigation.methods import AS_DECIDED
from persync.measure.fairness.mitigation.people import BUYING_DAYS, DECISIONS, People, read
from persync.measure.fairness.mitigation.told import before_and_after, left_out, point, standing_of
from persync.measure.fairness.own import TABLE, Own, decide
from persync.measure.fairness.parities import ONE_GROUP, TOO_FEW
from persync.measure.fairness_settings import Direction
from persync.measure.metric import Ask
from persync.measure.rules import DAY
from persync.measure.texts import bounds, join, piece, run

NO_CURRENCY: Final = "no_currency"
NOT_AT_ONCE: Final = "not_at_once"
AT_ONCE: Final = 7 * DAY
"""who is first sent a message later than this after the first of all was not chosen by the same decision"""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is mitigated: the name of a decision that `table` holds, or the number of a message; `by` names it in estimates.
    `missing` says why there is nothing to learn from, `period` when it was decided where that is not the period asked for."""

    about: str | int
    by: Mapping[str, str]
    missing: str | None = None
    note: str = ""
    table: str = DECISIONS
    period: tuple[int, int] | None = None


def mitigate(
    engine: Engine,
    ask: Ask,
    attribute: str,
    decision: str | None = None,
    direction: Direction | None = None,
    prices: Mapping[str, float] | None = None,
    *,
    message: str | None = None,
    own: Own | None = None,
    unknown: bool = False,
) -> list[Estimate]:
    """Return before and after of every method in full (`bias_mitigation`, `mitigated_accuracy`, `mitigated_money`), then the
    points of the frontier (`frontier_ratio`, `frontier_accuracy`, `frontier_money`, `frontier_money_difference` against the
    decision as it is, and their return `fairness_roi_frontier`), one of them suggested, and `left_as_decided`: the groups that
    took no part.

    Of an imported `decision`, of whom the `message` of that title was sent to (see `people.read`), or of persync's `own`
    segment or score (see `own.assess_each`). `prices` are those of a `right_choice` and of a `choice` in the reporting
    currency, as the settings have them unless given. People whose group is
    unknown are a group only where `unknown` says so. Null where fewer than two groups are large enough, and `immature` until
    the days in which who was sent a message may order are over. Raises DataError for an unknown decision or message.
    """
    made = groups.of(engine, attribute)
    if bare := bases.unstated(engine, made.names):
        return [bases.null(made.names, bare, own.title if own else decision, id="bias_mitigation", unit="ratio")]
    if message is not None:
        subject = _message(engine, message, ask)
    else:
        subject = _own(engine, own, ask) if own else _decision(engine, decision or "")
    ask = replace(ask, period=subject.period or ask.period)
    found = _mitigated(engine, ask, made, subject, direction, prices, unknown=unknown)
    return [replace(one, period=subject.period) for one in found] if subject.period else found


def _mitigated(
    engine: Engine,
    ask: Ask,
    made: Groups,
    subject: Subject,
    direction: Direction | None,
    prices: Mapping[str, float] | None,
    *,
    unknown: bool,
) -> list[Estimate]:
    by = {"attribute": made.title, **subject.by}
    if subject.missing:
        return [rules.absent("bias_mitigation", subject.missing, by, unit="ratio", label=RAW, note=subject.note)]
    people = read(engine, made, subject.about, ask, table=subject.table, unknown=unknown)
    hidden = made.hidden([dict(zip(people.names, people.sizes.tolist(), strict=True))], ask)
    out = left_out(people, by, hidden)
    if int(people.steering.sum()) < 2:
        return [_nobody(people, by, ask), *out]
    known = dict(prices or {}) or {part: price for part, price in ask.ethics.prices.items() if part in PRICES}
    measure = "exposure_rate" if "message" in subject.by else "selection_rate"
    front = frontier(people, ask, known, direction or directions.of(measure, ask, subject.by.get("decision")))
    return [*told(front, by, *currency_of(engine, ask), subject.note), *out]


def told(front: Frontier, by: Mapping[str, str], unit: str, reason: str | None, about: str = "") -> list[Estimate]:
    """Return a frontier as estimates; `reason` says why money has no currency, `about` what is to be known of the labels."""
    standing = standing_of(front, unit, reason, about)
    out: list[Estimate] = []
    for one in front.effects:
        if one.method == AS_DECIDED or one.strength == 1.0:
            out += before_and_after(one, by, standing)
    for name, why in front.unfit.items():
        out.append(rules.absent("bias_mitigation", why, {**by, "method": name}, unit="ratio", label=RAW))
    for one in front.effects:
        out += point(one, by, standing, suggested=one.name == front.suggested)
    return out


def currency_of(engine: Engine, ask: Ask) -> tuple[str, str | None]:
    """Return the reporting currency, the only one in the store where none is set; else "" and why there is none."""
    if ask.currency:
        return ask.currency, None
    rows = engine.rows("SELECT DISTINCT ol.currency AS currency FROM order_ledger AS ol WHERE ol.currency IS NOT NULL")
    found = rules.one_currency(str(row["currency"]) for row in rows)
    return found or "", rules.MIXED_CURRENCIES if found is None else None if found else NO_CURRENCY


def titles(engine: Engine) -> list[tuple[int, str]]:
    """Return the number and title of every message that has one."""
    rows = engine.rows(
        "SELECT DISTINCT COALESCE(co.campaign_id, c.campaign_key) AS id, c.title AS title FROM campaigns AS c"
        " LEFT JOIN campaign_of AS co ON co.campaign_key = c.campaign_key WHERE c.title IS NOT NULL ORDER BY 2, 1"
    )
    return [(int(row["id"]), str(row["title"])) for row in rows]


def _decision(engine: Engine, name: str) -> Subject:
    known = names(engine)
    if name not in known:
        raise DataError(f"the store holds no decision '{name}'.", hint=nearest(name, known) or "Import decisions first.")
    return Subject(name, {"decision": name})


def _own(engine: Engine, own: Own, ask: Ask) -> Subject:
    seen = decide(engine, ask, own)
    then = seen.then
    reason = seen.reason if seen.is_over or seen.reason else rules.IMMATURE
    turned = "did not order" if own.name == "churn" and own.threshold is not None else "ordered"
    note = f"whoever {turned} within {then.fairness.window_days:g} days of the moment is taken for a right choice"
    return Subject(own.title, {"decision": own.title}, reason, note, TABLE, then.period)


def _message(engine: Engine, title: str, ask: Ask) -> Subject:
    """Find the message of a title. Raises DataError for none or several of it."""
    known = titles(engine)
    found = [number for number, name in known if name == title]
    if not found:
        raise DataError(f"the store holds no message '{title}'.", hint=nearest(title, [name for _, name in known]))
    if len(found) > 1:
        raise DataError(f"the store holds {len(found)} messages '{title}'.", hint="Name one whose title is its own.")
    number, by = found[0], {"message": title}
    sql = "SELECT MIN(s.sent_at) AS first_at, MAX(s.sent_at) AS last_at FROM sends AS s WHERE s.campaign_id = :message"
    (row,) = run(engine, join(piece("sends"), sql), {**bounds(ask.period), "message": number})
    if row["first_at"] is None:
        return Subject(number, by, rules.NO_DENOMINATOR, "it was sent to nobody in this period")
    first_at, last_at = int(row["first_at"]), int(row["last_at"])
    if last_at - first_at > AT_ONCE:
        days = (last_at - first_at) // DAY
        return Subject(number, by, NOT_AT_ONCE, f"its first sendings to people lie {days} days apart: no one decision")
    build_orders(engine)
    until = orders_until(engine, ask)
    if first_at + BUYING_DAYS * DAY > until:
        said = f"who orders within {BUYING_DAYS} days of it is not known yet"
        told = orders_note(until, ask)
        return Subject(number, by, rules.IMMATURE, f"{said}: {told}" if told else said)
    return Subject(number, by, note=f"whoever ordered within {BUYING_DAYS} days of the message is taken for a right choice")


def _nobody(people: People, by: Mapping[str, str], ask: Ask) -> Estimate:
    known = sum(map(is_known, people.names))
    if known < 2:
        return rules.absent("bias_mitigation", ONE_GROUP, by, unit="ratio", label=RAW)
    least = max(ask.report_n, ask.suppress_n)
    note = f"fewer than two groups have {least} people with a label in each part that is learnt, chosen or judged on"
    return rules.absent("bias_mitigation", TOO_FEW, by, unit="ratio", label=RAW, note=note)
