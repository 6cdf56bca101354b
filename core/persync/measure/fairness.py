"""Fairness between groups of people: who gets personalised mail, who is selected, who benefits.

A screen, not a legal finding: it shows where groups differ and how sure that is. `unknown` is always a group of its own,
people whose value is missing or differs between systems. Small groups are hidden together with as many others as it takes
(rule E1), and never meet a threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from persync.engine.engine import Engine
from persync.errors import DataError, nearest
from persync.estimate import RAW, Estimate
from persync.measure import attributes, benefit, intervals, rules
from persync.measure.metric import Ask
from persync.measure.texts import bounds, query, run

UNKNOWN: Final = "unknown"
FOUR_FIFTHS: Final = 0.8

Verdict = Literal["below", "meets", "not shown"]


def assess(engine: Engine, attribute: str, ask: Ask, *, decision: str | None = None) -> list[Estimate]:
    """Assess fairness by an attribute.

    Without `decision`: exposure to personalised mail (`exposure_rate`: share of the people who could be mailed that were
    sent at least one campaign of level 2 or above; people with unlabelled mail only are `exposure_unknown`, not in its
    denominator; `exposure_dose` and `mean_sends`: mean sends a person), then the benefit each group had from every
    experiment with a control that falls into the period (`benefit_difference`, `benefit_interaction`, `benefit_parity`).
    With `decision`: the share selected (`selection_rate`).

    Rates come overall (no `group` in `by`) and by group, then each group `against` the known one with the highest rate:
    `_difference` (Newcombe), `_ratio` (Katz), `four_fifths` (the ratio again, its `verdict` in `by` and first in the note),
    and lowest against highest as `demographic_parity` (`statistic` difference and ratio).

    With nobody to assess in the period the overall rate is null, `no_denominator`. Raises DataError when nobody has the
    attribute, it has more than 50 values, or the decision is unknown.
    """
    _must_exist(engine, attribute, decision)
    attributes.check(engine, attribute)
    params = {"attribute": attribute, "decision": decision, **bounds(ask.period)}
    if decision is not None:
        text = query("groups", "decisions_by_group", "decisions_by_group_read")
        rows = run(engine, text, params)
        by = {"attribute": attribute, "decision": decision}
        if not rows:
            note = "nobody was decided about in this period"
            return [rules.absent("selection_rate", rules.NO_DENOMINATOR, by, unit="share", n=0, note=note)]
        cells = {row["name"]: (int(row["selected"]), int(row["people"])) for row in rows}
        return parity("selection", cells, rules.hidden(_sizes(cells), ask.suppress_n), ask, by)
    text = query("sends", "doses", "groups", "audience", "exposure_by_group")
    rows = run(engine, text, params)
    benefits = benefit.assess(engine, attribute, ask)
    by = {"attribute": attribute}
    if not rows:
        note = "there is nobody who could be mailed, and no mail, in this period"
        return [rules.absent("exposure_rate", rules.NO_DENOMINATOR, by, unit="share", n=0, note=note), *benefits]
    return [*_exposure(rows, ask, by), *benefits]


def _must_exist(engine: Engine, attribute: str, decision: str | None) -> None:
    found = engine.rows("SELECT DISTINCT a.name AS name FROM attributes AS a ORDER BY 1")
    names = [str(row["name"]) for row in found]
    if attribute not in names:
        hint = nearest(attribute, names) or "Attributes are opt-in: name them in a connection's settings, or import them."
        raise DataError(f"nobody in the store has the attribute '{attribute}'.", hint=hint)
    if decision is None:
        return
    found = engine.rows("SELECT DISTINCT d.decision AS decision FROM decisions AS d ORDER BY 1")
    names = [str(row["decision"]) for row in found]
    if decision not in names:
        raise DataError(
            f"the store holds no decision '{decision}'.", hint=nearest(decision, names) or "Import decisions first."
        )


def _sizes(cells: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    return {name: n for name, (_, n) in cells.items()}


def _exposure(rows: Sequence[Mapping[str, Any]], ask: Ask, by: Mapping[str, str]) -> list[Estimate]:
    clear = {row["name"]: int(row["people"]) - int(row["unclear"]) for row in rows}
    everybody = {row["name"]: int(row["people"]) for row in rows}
    hide = rules.hidden_in_any([everybody, clear], ask.suppress_n)
    cells = {row["name"]: (int(row["exposed"]), clear[row["name"]]) for row in rows}
    out = parity("exposure", cells, hide, ask, by)
    total = {key: sum(int(row[key]) for row in rows) for key in rows[0] if key != "name"}
    for row, here in [(total, dict(by)), *((row, {**by, "group": row["name"]}) for row in rows)]:
        if here.get("group") in hide:
            out += [rules.suppressed(id, ask, here, unit=unit) for id, unit in _MORE.items()]
            continue
        people, reached = int(row["people"]), int(row["reached"])
        out.append(rules.share("exposure_unknown", int(row["unclear"]), people, ask, here))
        for id, sums in (("exposure_dose", "dose"), ("mean_sends", "sends")):
            sample = intervals.moments(people, int(row[sums]), int(row[f"{sums}_squared"]))
            out.append(rules.average(id, sample, reached, ask, here, unit=_MORE[id]))
    return out


_MORE: Final = {"exposure_unknown": "share", "exposure_dose": "sends", "mean_sends": "sends"}


def verdict(ratio: Estimate, enough: bool) -> Verdict:
    """Judge a ratio against four fifths: `below` and `meets` only when the whole interval is on that side."""
    if not enough or ratio.low is None or ratio.high is None:
        return "not shown"
    if ratio.high < FOUR_FIFTHS:
        return "below"
    return "meets" if ratio.low >= FOUR_FIFTHS else "not shown"


def parity(
    kind: str, cells: Mapping[str, tuple[int, int]], hide: frozenset[str], ask: Ask, by: Mapping[str, str]
) -> list[Estimate]:
    """Compare rates between groups: `cells` maps a group to (selected, people), `hide` names the groups not to show.

    The group with the highest rate among those large enough is what the others are held against; being chosen after a look
    at the data it makes the differences look a little larger than they are, which the notes say.
    """
    rate = f"{kind}_rate"
    selected, people = sum(s for s, _ in cells.values()), sum(n for _, n in cells.values())
    out = [rules.share(rate, selected, people, ask, by)]
    shown = {name: cell for name, cell in cells.items() if name not in hide and cell[1] > 0}
    for name, (s, n) in cells.items():
        here = {**by, "group": name}
        out.append(rules.suppressed(rate, ask, here, unit="share") if name in hide else rules.share(rate, s, n, ask, here))
    reference = _reference(shown, ask)
    others = [name for name in cells if name != reference]
    if reference is None or not others:
        reason = rules.SUPPRESSED if hide else "one_group"
        return [*out, rules.absent("demographic_parity", reason, by, unit="share", label=RAW)]
    compared = [_against(kind, name, cells, reference, hide, ask, by) for name in others]
    differences = rules.compared([difference for difference, _ in compared])
    for difference, ratio in zip(differences, (ratio for _, ratio in compared), strict=True):
        s, n = cells[difference.by["group"]]
        word = verdict(ratio, ratio.value is not None and _enough(n, shown[reference], ask))
        fifths = Estimate(
            "four_fifths",
            ratio.value,
            ratio.low,
            ratio.high,
            ratio.p,
            ratio.n,
            "ratio",
            RAW,
            ratio.reason,
            {**ratio.by, "verdict": word, "of": kind},
            note=word,
        )
        out += [difference, ratio, rules.with_note(fifths, "; ".join(filter(None, (ratio.note, _family(difference)))))]
    return [*out, *_extremes(kind, shown, reference, ask, by)]


def _family(difference: Estimate) -> str:
    """Return the part of a note that counts the comparisons."""
    return next((part for part in difference.note.split("; ") if part.startswith("one of ")), "")


def _enough(n: int, reference: tuple[int, int], ask: Ask) -> bool:
    """Tell whether a group is large enough for a verdict: people, and the events it would have at the reference's rate.

    Expected rather than observed events, or a group of thousands that nothing was ever sent to could not be found.
    """
    s, m = reference
    return n >= ask.report_n and m >= ask.report_n and s >= rules.REPORT_EVENTS and n * s >= rules.REPORT_EVENTS * m


def _reference(shown: Mapping[str, tuple[int, int]], ask: Ask) -> str | None:
    """Return the known group with the highest rate among those large enough, else among all shown; None for no group."""
    known = {name: cell for name, cell in shown.items() if name != UNKNOWN} or dict(shown)
    large = {name: (s, n) for name, (s, n) in known.items() if n >= ask.report_n and s >= rules.REPORT_EVENTS}
    pool = large or known
    return min(pool, key=lambda name: (-pool[name][0] / pool[name][1], name), default=None)


def _against(
    kind: str,
    name: str,
    cells: Mapping[str, tuple[int, int]],
    reference: str,
    hide: frozenset[str],
    ask: Ask,
    by: Mapping[str, str],
) -> tuple[Estimate, Estimate]:
    here = {**by, "group": name, "against": reference}
    ids = (f"{kind}_difference", "share"), (f"{kind}_ratio", "ratio")
    if name in hide:
        first, second = (rules.suppressed(id, ask, here, unit=unit, label=RAW) for id, unit in ids)
        return first, second
    (s, n), (base_s, base_n) = cells[name], cells[reference]
    if n == 0:
        first, second = (rules.absent(id, rules.NO_DENOMINATOR, here, unit=unit, label=RAW, n=0) for id, unit in ids)
        return first, second
    counts = (s, n, base_s, base_n, ask.confidence)
    difference = rules.from_interval(ids[0][0], intervals.newcombe(*counts), n=n + base_n, unit="share", by=here, label=RAW)
    ratio = rules.from_interval(ids[1][0], intervals.ratio_of_shares(*counts), n=n + base_n, unit="ratio", by=here, label=RAW)
    note = "" if _enough(n, (base_s, base_n), ask) else rules.TOO_FEW
    return rules.with_note(difference, note), rules.with_note(ratio, note)


def _extremes(
    kind: str, shown: Mapping[str, tuple[int, int]], reference: str, ask: Ask, by: Mapping[str, str]
) -> list[Estimate]:
    """Return `demographic_parity`: the lowest rate against the highest among the shown groups, as difference and ratio.

    Groups too small for a verdict are left out of it where two are large enough; `unknown` is no group to be treated fairly
    or unfairly and is left out as well.
    """
    known = {name: cell for name, cell in shown.items() if name != UNKNOWN}
    large = {name: cell for name, cell in known.items() if _enough(cell[1], shown[reference], ask)}
    pool = large if len(large) > 1 else known
    if reference not in pool or len(pool) < 2:
        return [rules.absent("demographic_parity", "one_group", by, unit="share", label=RAW)]
    lowest = max(pool, key=lambda name: (-pool[name][0] / pool[name][1], name != reference, name))
    (s, n), (base_s, base_n) = pool[lowest], pool[reference]
    here = {**by, "group": lowest, "against": reference, "of": kind}
    counts = (s, n, base_s, base_n, ask.confidence)
    note = f"lowest against highest of {len(pool)} groups, chosen after seeing them"
    if len(large) < 2:
        note = f"{rules.TOO_FEW}; {note}"
    spread = rules.from_interval(
        "demographic_parity",
        _flipped(intervals.newcombe(*counts)),
        n=n + base_n,
        unit="share",
        by={**here, "statistic": "difference"},
        label=RAW,
    )
    ratio = rules.from_interval(
        "demographic_parity",
        intervals.ratio_of_shares(*counts),
        n=n + base_n,
        unit="ratio",
        by={**here, "statistic": "ratio"},
        label=RAW,
    )
    return [rules.with_note(spread, note), rules.with_note(ratio, note)]


def _flipped(interval: intervals.Interval) -> intervals.Interval:
    return intervals.Interval(-interval.value, -interval.high, -interval.low, interval.p)
