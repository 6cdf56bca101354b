"""How often is too often: responses by dose, weariness, what to pull back, and tests of timing (catalogue 152 to 155).

Nobody draws lots for how much mail a person gets: who reads is kept on the list and mailed more. So a curve over doses is a
raw difference, says so, and never advises to mail more; a randomised cap does answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.journeys import build_orders, build_touches
from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import RAW, Estimate
from persync.measure import attributes, experiments, intervals, returns, rules, verdict
from persync.measure.knee import NOT_RANDOMISED, knees
from persync.measure.metric import Ask, Experiment, Metric
from persync.measure.rules import DAY
from persync.measure.segments.common import look
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run
from persync.measure.trials import metrics as trials
from persync.measure.trials import segments as by_segment
from persync.money import exponent

SELECTED: Final = (
    "who gets more was not drawn by lot: people who respond stay on the list and are mailed more, so the curve says nothing of "
    "what more or less mail would do"
)
CAP: Final = (
    "draw a random half whose mail is capped at what the middle recipient gets, the others as now, and read the arms: "
    "`persync experiment plan` says how many people and weeks it takes"
)
NO_SENDS: Final = "no_sends"
NOT_NUMBERS: Final = "not_numbers"
TIMING: Final = ("send_time", "cadence", "frequency")
"""kinds of experiments whose arms are when or how often to send"""
_BINS: Final = ((0, "0"), (10, "1-10"), (20, "11-20"), (30, "21-30"), (40, "31-40"), (50, "41-50"))
FIRST: Final = ("0", "1-10")
"""what the first step of the curve, 0 to 10, is made of"""
_ABOVE: Final = "above 50"
UNKNOWN: Final = "unknown"
_WEEKLY: Final = ((0.5, "up to 0.5"), (1, "0.5 to 1"), (2, "1 to 2"), (3, "2 to 3"), (5, "3 to 5"))
_WEEKLY_ABOVE: Final = "above 5"
_SELDOM: Final = ((0.1, "up to 0.1"), (0.2, "0.1 to 0.2"), (0.5, "0.2 to 0.5"))
"""parts of the lowest step, told apart where nobody is mailed more than once a week"""


def frequency_response(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute clicks, unsubscribes, complaints and money a recipient by messages a week; or, by an attribute that holds a
    number of contacts, every imported outcome by that number."""
    id = "frequency_response"
    names = [name for name in ask.by if name in attributes.values(engine)]
    if len(ask.by) > 1 or len(names) < len(ask.by):
        check(ask.by, tuple(attributes.values(engine))[:1] if len(ask.by) > 1 else tuple(attributes.values(engine)), id)
        raise ConfigError(f"{id} goes by one attribute.", hint="Name one that holds a number of contacts.")
    out = _by_attribute(engine, ask, names[0]) if names else _by_week(engine, ask)
    knee = knees(engine, ask, SELECTED)
    advice = rules.absent("frequency_cap_test", NOT_RANDOMISED, {}, note=CAP)
    return [*out, *_tested(engine, ask), *knee, advice] if any(e.value is not None for e in out) else out


def _tested(engine: Engine, ask: Ask) -> list[Estimate]:
    """Return what experiments with the number of messages as arms say: only they tell what more or less mail does."""
    found = []
    for experiment in experiments.asked(engine, ask).values():
        if experiment.kind in ("frequency", "cadence"):
            try:
                read = experiments.read(engine, experiment, ask)
            except ConfigError:
                continue  # timing_frequency_test says what is wrong with it
            found += [replace(e, id="frequency_effect") for e in read if e.id == "difference"]
    return found


def _case(of: str, steps: Sequence[tuple[float, str]], above: str) -> str:
    return "CASE " + " ".join(f"WHEN {of} <= {float(edge)!r}e0 THEN '{name}'" for edge, name in steps) + f" ELSE '{above}' END"


def _order(steps: Sequence[tuple[float, str]], above: str) -> dict[str, int]:
    return {name: i for i, name in enumerate((*(name for _, name in steps), above, UNKNOWN))}


def _by_attribute(engine: Engine, ask: Ask, name: str) -> list[Estimate]:
    id = "frequency_response"
    held = (
        "held AS (SELECT COALESCE(po.person, a.key_id) AS person,"
        " CASE WHEN COUNT(DISTINCT TRY_CAST(a.value AS DOUBLE)) = 1 THEN MAX(TRY_CAST(a.value AS DOUBLE)) END AS number"
        " FROM attributes AS a LEFT JOIN person_of AS po ON po.key_id = a.key_id WHERE a.name = :attribute"
        " GROUP BY COALESCE(po.person, a.key_id))"
    )
    (seen,) = run(
        engine,
        "SELECT COUNT(*) AS filled, CAST(COALESCE(SUM(CASE WHEN TRY_CAST(a.value AS DOUBLE) >= 0 THEN 1 ELSE 0 END), 0) AS"
        " BIGINT) AS numbers FROM attributes AS a WHERE a.name = :attribute AND a.value IS NOT NULL AND a.value <> ''",
        {"attribute": name},
    )
    if not int(seen["filled"]) or int(seen["numbers"]) < int(seen["filled"]):
        return [rules.absent(id, NOT_NUMBERS, {}, label=RAW, note=f"'{name}' does not hold numbers of contacts")]
    dose = f"CASE WHEN h.number IS NULL THEN '{UNKNOWN}' ELSE {_case('h.number', _BINS, _ABOVE)} END"
    final = (
        f"SELECT o.outcome AS outcome, {dose} AS dose, COUNT(*) AS people,"
        " SUM(CASE WHEN o.value = 1 THEN 1 ELSE 0 END) AS ones,"
        " SUM(CASE WHEN o.value IN (0, 1) THEN 0 ELSE 1 END) AS others,"
        " SUM(CASE WHEN o.value <> 0 THEN 1 ELSE 0 END) AS events,"
        " SUM(o.value) AS total, SUM(o.value * o.value) AS squares FROM person_outcomes AS o LEFT JOIN held AS h"
        f" ON h.person = o.person GROUP BY o.outcome, {dose}"
    )
    rows = run(engine, join(held, piece("arm_outcomes"), final), {**bounds(ask.period), "attribute": name})
    if not rows:
        return [rules.absent(id, "no_outcomes", {}, label=RAW, note="import outcomes of the same people to know")]
    places = _order(_BINS, _ABOVE)
    out = []
    for outcome in sorted({str(row["outcome"]) for row in rows}):
        mine = sorted((row for row in rows if row["outcome"] == outcome), key=lambda row: places[str(row["dose"])])
        binary = not any(int(row["others"]) for row in mine)
        first = [row for row in mine if str(row["dose"]) in FIRST]
        rest = [row for row in mine if str(row["dose"]) not in FIRST]
        whole = [_together(first, "0-10")] if first else []
        # Those never written to before are unlike all others: what the first step of the curve mixes is told beside it.
        for one, rows_of in ((id, [*whole, *rest]), (f"{id}_first_step", first if len(first) > 1 else [])):
            hide = rules.hidden({str(row["dose"]): int(row["people"]) for row in rows_of}, ask.suppress_n)
            for row in rows_of:
                by = {name: str(row["dose"]), "outcome": outcome}
                out.append(_level(one, row, by, ask, hidden=by[name] in hide, binary=binary))
    return [replace(one, period=ask.period) for one in out]


def _together(rows: Sequence[Mapping[str, Any]], dose: str) -> Mapping[str, Any]:
    return {part: sum(row[part] for row in rows) for part in rows[0] if part not in ("dose", "outcome")} | {"dose": dose}


def _level(id: str, row: Mapping[str, Any], by: dict[str, str], ask: Ask, *, hidden: bool, binary: bool) -> Estimate:
    unit = "share" if binary else ""
    if hidden:
        return rules.suppressed(id, ask, by, unit=unit, label=RAW)
    n = int(row["people"])
    if binary:
        made = rules.share(id, int(row["ones"]), n, ask, by)
    else:
        sample = intervals.moments(n, float(row["total"]), float(row["squares"]))
        made = rules.average(id, sample, int(row["events"]), ask, by, unit=unit)
    return rules.with_note(replace(made, label=RAW), SELECTED)


def _by_week(engine: Engine, ask: Ask) -> list[Estimate]:
    id = "frequency_response"
    seen = look(ask)
    build_orders(engine)
    build_touches(engine)
    (money,) = engine.rows("SELECT MIN(m.currency) AS low, MAX(m.currency) AS high FROM money_orders AS m")
    currency = rules.one_currency([money["low"], money["high"]])
    weeks = (seen.period[1] - seen.period[0]) / (7 * DAY)
    dose = _case("r.a_week", (*_SELDOM, *_WEEKLY[1:]), _WEEKLY_ABOVE)
    final = (
        f"SELECT {dose} AS dose, COUNT(*) AS people, SUM(r.clicks) AS clicks, SUM(r.clicks * r.clicks) AS clicks_squares,"
        " SUM(CASE WHEN r.clicks > 0 THEN 1 ELSE 0 END) AS clickers, SUM(r.left_list) AS left_list,"
        " SUM(r.complained) AS complained, SUM(r.minor) AS minor, SUM(r.minor * r.minor) AS minor_squares,"
        f" SUM(CASE WHEN r.minor > 0 THEN 1 ELSE 0 END) AS payers FROM responded AS r GROUP BY {dose}"
    )
    params = {**bounds(seen.period), "gross": int(ask.basis == "gross"), "weeks": weeks}
    rows = run(engine, join(piece("owned_orders"), piece("sends"), piece("doses"), piece("dose_response"), final), params)
    if not rows:
        return [replace(rules.absent(id, NO_SENDS, {}, label=RAW), period=seen.period)]
    told = _as_often(rows)
    places = _order((*_SELDOM, *_WEEKLY), _WEEKLY_ABOVE)
    hide = rules.hidden({str(row["dose"]): int(row["people"]) for row in told}, ask.suppress_n)
    out = []
    for row in sorted(told, key=lambda row: places[str(row["dose"])]):
        for one in _responses(row, currency, seen.ask, hidden=str(row["dose"]) in hide):
            shown = one if one.reason else rules.with_note(replace(one, label=RAW), SELECTED)
            out.append(replace(shown, label=RAW, period=seen.period))
    return out


def _as_often(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the steps as they are told: the parts of the lowest one stand together where somebody is mailed more than once a
    week."""
    parts = [name for _, name in _SELDOM]
    seldom = [row for row in rows if row["dose"] in parts]
    others = [row for row in rows if row["dose"] not in parts]
    is_often = any(row["dose"] != _WEEKLY[1][1] for row in others)
    return [_together(seldom, _WEEKLY[0][1]), *others] if seldom and is_often else [*seldom, *others]


def _responses(row: Mapping[str, Any], currency: str | None, ask: Ask, *, hidden: bool) -> list[Estimate]:
    id, n = "frequency_response", int(row["people"])

    def by(outcome: str) -> dict[str, str]:
        return {"sends_a_week": str(row["dose"]), "outcome": outcome}

    if hidden:
        return [rules.suppressed(id, ask, by(outcome)) for outcome in ("clicks", "unsubscribed", "complained", "revenue")]
    clicks = intervals.moments(n, float(row["clicks"]), float(row["clicks_squares"]))
    out = [
        rules.average(id, clicks, int(row["clickers"]), ask, by("clicks"), unit="count"),
        rules.share(id, int(row["left_list"]), n, ask, by("unsubscribed")),
        rules.share(id, int(row["complained"]), n, ask, by("complained")),
    ]
    if currency is None:
        return [*out, rules.absent(id, rules.MIXED_CURRENCIES, by("revenue"))]
    scale = 10.0 ** exponent(currency)
    paid = intervals.moments(n, float(row["minor"]) / scale, float(row["minor_squares"]) / scale**2)
    return [*out, rules.average(id, paid, int(row["payers"]), ask, by("revenue"), unit=currency)]


_HALVES: Final = (
    "halves AS (SELECT s.person AS person, SUM(CASE WHEN s.sent_at < :middle THEN 1 ELSE 0 END) AS before,"
    " SUM(CASE WHEN s.sent_at >= :middle THEN 1 ELSE 0 END) AS after FROM sends AS s GROUP BY s.person),"
    " own AS (SELECT x.person AS person, SUM(CASE WHEN x.at < :middle THEN 1 ELSE 0 END) AS before,"
    " SUM(CASE WHEN x.at >= :middle THEN 1 ELSE 0 END) AS after FROM acted AS x WHERE x.kind IN ('open', 'click')"
    " AND x.at >= :from_at AND x.at < :to_at GROUP BY x.person)"
)
_TREND: Final = (
    "SELECT y.dose AS dose, COUNT(*) AS people, SUM(y.d) AS total, SUM(y.d * y.d) AS squares,"
    " SUM(CASE WHEN y.d <> 0 THEN 1 ELSE 0 END) AS events FROM (SELECT"
    " CASE WHEN h.before >= :least AND h.after >= :least THEN 'high' ELSE 'lower' END AS dose,"
    " COALESCE(o.after, 0) * 1e0 / h.after - COALESCE(o.before, 0) * 1e0 / h.before AS d"
    " FROM halves AS h LEFT JOIN own AS o ON o.person = h.person WHERE h.before > 0 AND h.after > 0) AS y"
    " GROUP BY y.dose ORDER BY y.dose"
)
_SILENT: Final = (
    # Without `sends`: who was mailed when needs no message told from the next.
    "mailed AS (SELECT COALESCE(po.person, t.key_id) AS person, t.first_at AS first_at, t.last_at AS last_at FROM"
    " (SELECT e.key_id AS key_id, MIN(e.happened_at) AS first_at, MAX(e.happened_at) AS last_at FROM touchpoints AS e"
    " WHERE e.action IN (1, 2) AND e.happened_at < :end_at GROUP BY e.key_id) AS t"
    " LEFT JOIN person_of AS po ON po.key_id = t.key_id)",
    "SELECT COUNT(*) AS people, CAST(COALESCE(SUM(CASE WHEN l.person IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS silent FROM"
    " (SELECT s.person AS person, MIN(s.first_at) AS first_at, MAX(s.last_at) AS last_at FROM mailed AS s GROUP BY s.person)"
    " AS r LEFT JOIN (SELECT DISTINCT x.person AS person FROM acted AS x WHERE x.at >= :silent_from AND x.at < :end_at) AS l"
    " ON l.person = r.person WHERE r.first_at < :silent_from AND r.last_at >= :silent_from",
)
SILENT_DAYS: Final = 90


def fatigue(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute how opens and clicks a message changed from the first half of the period to the second, for people mailed at
    least once a week all along and for the others; and who of those mailed for 90 days did nothing in them (`silent_share`)."""
    id = "fatigue"
    check(ask.by, (), id)
    seen = look(ask)
    begin, end = seen.period
    build_orders(engine)
    build_touches(engine)
    base = {"gross": int(ask.basis == "gross"), **bounds(seen.period)}
    texts = (piece("sends"), piece("order_money"), piece("acted"))
    weeks = (end - begin) / 2 / (7 * DAY)
    params = {**base, "middle": (begin + end) // 2, "least": weeks}
    out = []
    for row in run(engine, join(*texts, _HALVES, _TREND), params):
        by = {"dose": str(row["dose"])}
        sample = intervals.moments(int(row["people"]), float(row["total"]), float(row["squares"]))
        made = rules.average(id, sample, int(row["events"]), ask, by, unit="ratio")
        note = "opens and clicks a message, second half less first; seasons and offers differ between the halves, too"
        out.append(replace(rules.with_note(made, note), label=RAW, period=seen.period))
    silent_from = end - SILENT_DAYS * DAY
    ever = {**base, "silent_from": silent_from, "end_at": end}
    (row,) = run(engine, join(piece("order_money"), piece("acted"), *_SILENT), ever)
    silent = rules.share("silent_share", int(row["silent"]), int(row["people"]), ask, {})
    silent = rules.with_note(silent, f"mailed before and in the last {SILENT_DAYS} days, and did nothing in them")
    if not out:
        note = "nobody was sent a message in both halves of the period"
        out = [replace(rules.absent(id, rules.NO_DENOMINATOR, {}, unit="ratio", label=RAW, n=0, note=note), period=seen.period)]
    return [*out, replace(silent, period=(silent_from, end))]


ADVICE: Final[Mapping[str, str]] = {"costs": "pull back", "pays": "keep", "cannot tell": "test"}
"""verdict on the effect of messages -> what to do"""


def pull_back_advice(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute, for every experiment with a control, what leaving a segment out of the messages would gain a person (the effect
    turned round): `pull back` where the messages are shown to cost, `keep` where they are shown to pay, else `test`."""
    id = "pull_back_advice"
    check(ask.by, (), id)
    out: list[Estimate] = []
    for experiment in experiments.asked(engine, ask).values():
        if experiment.control is None or ask.arm not in (None, experiment.name):
            continue
        try:
            out += _whole(engine, experiment, ask) + _parts(engine, experiment, ask)
        except ConfigError as problem:
            by = {"experiment": experiment.name}
            out.append(rules.absent(id, returns.MISCONFIGURED, by, note=str(problem)))
    if out:
        return out
    made = rules.absent(id, returns.no_experiment(engine, id, ask).reason or NOT_RANDOMISED, {"advice": "test"})
    return [replace(made, note=f"without a randomised test nothing can be kept or pulled back on evidence: {CAP}")]


def _whole(engine: Engine, experiment: Experiment, ask: Ask) -> list[Estimate]:
    read = experiments.read(engine, experiment, ask)
    wanted = (experiment.primary, *experiment.guard_rails)
    effects = [e for e in read if e.id == "difference" and e.by.get("outcome") in wanted]
    effects = [replace(e, by={**e.by, "attribute": "everybody", "group": "everybody"}) for e in effects]
    return [
        turned(effect, found, rail=effect.by["outcome"] != experiment.primary)
        for effect, found in zip(effects, verdict.judge(effects, ask.confidence), strict=True)
    ]


def _parts(engine: Engine, experiment: Experiment, ask: Ask) -> list[Estimate]:
    out = []
    for split in by_segment.splits(engine, experiment, ask):
        if split.outcome in (experiment.primary, *experiment.guard_rails):
            rail = split.outcome != experiment.primary
            out += [turned(one.effect, one.found, rail=rail) for one in split.segments]
    return out


def turned(effect: Estimate, found: verdict.Verdict, *, rail: bool = False) -> Estimate:
    """Return an effect of messages as what pulling back would gain a person, with the list it stands in and the risk."""
    advice = ADVICE[found.word]
    by = {**effect.by, "advice": advice}
    id = "pull_back_advice"
    if effect.value is None or effect.low is None or effect.high is None:
        return replace(effect, id=id, by=by)
    made = replace(effect, id=id, by=by, value=-effect.value, low=-effect.high, high=-effect.low)
    risk = f"{max(0.0, effect.high):.4g}"
    words = {
        "pull back": f"expected gain a person {-effect.value:.4g}, at worst a loss of {risk}",
        "keep": f"pulling back would lose {effect.value:.4g} a person, up to {risk}",
        "test": f"not decided{f' ({found.why})' if found.why else ''}: pulling back may lose up to {risk} a person",
    }
    return rules.with_note(made, f"{'guard rail; ' if rail else ''}{words[advice]}")


def timing_frequency_test(engine: Engine, ask: Ask) -> list[Estimate]:
    """Read every test whose arms are when or how often to send."""
    id = "timing_frequency_test"
    found: list[Estimate] = []
    for kind in TIMING:
        if any(one.kind == kind for one in experiments.asked(engine, ask).values()):
            found += trials.read_kind(id, engine, ask, holdout=False, kind=kind)
    if found:
        return found
    check(ask.by, (), id)
    none = returns.no_experiment(engine, id, ask)
    return [rules.with_note(none, f"give an experiment one of the kinds {', '.join(TIMING)}")]


_DATA: Final = ("touchpoints", "orders", "order_of", "order_ledger")
METRICS: Sequence[Metric] = (
    Metric(
        "frequency_response",
        "Responses by how often people are mailed",
        "Clicks, unsubscribes, complaints and revenue (basis as set) a recipient by the messages a week they got in the period "
        "(the last 90 days unless asked). By an attribute that holds a number of contacts: every imported outcome by that "
        "number. Where a test has cadence or frequency as arms, its effects and the knee.",
        "Σ response ÷ recipients with that many messages",
        "ratio",
        frequency_response,
        number="152",
        dimensions=("any attribute",),
        edge_cases="A raw difference that carries the selection warning: who responds is mailed more. Where the arms of a test "
        "are cadences: what a message more brings from one to the next, less list loss (`frequency_marginal`), and the dose up "
        "to which it pays (`frequency_knee`); else the knee is null, not_randomised, and a randomised cap is suggested; never "
        "advice to mail more. The first step, 0 to 10 contacts, is also shown in its two parts. An attribute of words: "
        "null, not_numbers. Missing numbers are a group called unknown.",
        data=(*_DATA, "attributes", "outcomes", "assignments"),
    ),
    Metric(
        "pull_back_advice",
        "Pull back, keep or test",
        "For every experiment with a control and each segment in it, what leaving people out would gain a person: pull back "
        "where messages are shown to cost (or break a guard rail), keep where they are shown to pay, test everywhere else.",
        "−(mean of the arm − mean of the control)",
        "money",
        pull_back_advice,
        number="153",
        edge_cases="Decided only by randomised tests and holdouts, after Holm; segments only where they are shown to differ. "
        "No experiment: null, and everything is on the test list.",
        data=("assignments", "outcomes", "attributes", *_DATA),
    ),
    Metric(
        "fatigue",
        "Weariness",
        "People's own opens and clicks a message, the second half of the period (the last 90 days unless "
        "asked) less the first, "
        "for those mailed at least once a week in both halves and for the others; and the share silent: mailed before and "
        "in the last 90 days, without an open, click, visit or order in them.",
        "mean over people of (acts ÷ messages, second half) − (acts ÷ messages, first half)",
        "ratio",
        fatigue,
        number="154",
        edge_cases="People without a message in either half are left out. A raw difference. Nobody mailed in both: "
        "null, no_denominator.",
        data=_DATA,
    ),
    Metric(
        "timing_frequency_test",
        "Tests of timing and frequency",
        "Every randomised test of the kind send_time, cadence or frequency, read as ab_test reads.",
        "mean of the arm − mean of the control",
        "as outcome",
        timing_frequency_test,
        number="155",
        edge_cases="As ab_test. No such test: null.",
        data=("assignments", "outcomes", *_DATA),
    ),
)
