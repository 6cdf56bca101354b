"""The scan for bias: every group, single and crossed, held against the rest in every parity, as one family of comparisons.

What it finds it sizes in money where an experiment says what personalised mail is worth; beside it stand the rules that tell
who somebody is (`proxies`) and what is wrong with the data themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from persync.engine.engine import Engine
from persync.errors import DataError
from persync.estimate import RAW, Estimate, percent
from persync.measure import attributes, rules
from persync.measure.fairness import bases, decisions, directions, groups, overview, own, proxies
from persync.measure.fairness.gaps import Gap, Left, adjusted, gaps
from persync.measure.fairness.parities import ONE_GROUP, TOO_FEW
from persync.measure.fairness_settings import Direction
from persync.measure.grouping import ANY_ATTRIBUTE
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import join, run

LONGEST: Final = 12
"""so many groups that were not compared are named; the others are counted"""
RIGHT_ON_THE_WHOLE: Final = 0.5
RARE: Final = 0.1
"""labels of which less than this share is of one kind are out of balance"""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan compared: all gaps with their p-values adjusted over all of them, and the groups left out."""

    found: Sequence[Gap]
    p: Sequence[float]
    left: Sequence[Left]

    def alarms(self, ask: Ask) -> list[tuple[Gap, float]]:
        """Return the gaps that chance does not explain with their adjusted p, those of the worse off and the surest first."""
        sure = [(gap, p) for gap, p in zip(self.found, self.p, strict=True) if p < 1 - ask.confidence]
        return sorted(sure, key=lambda each: (not each[0].is_worse, each[1], each[0].key, each[0].by["group"]))

    def shown(self, ask: Ask) -> tuple[list[tuple[Gap, float]], int]:
        """Return the alarms without the crossed groups of which a half alone differs the same way, and how many those are."""
        every = self.alarms(ask)
        seen = {(gap.key, gap.by["group"], gap.is_worse) for gap, _ in every}
        kept = [each for each in every if not any((*half, each[0].is_worse) in seen for half in _halves(each[0]))]
        return kept, len(every) - len(kept)


def _halves(gap: Gap) -> list[tuple[tuple[str, ...], str]]:
    """Return what a crossed group's halves are called alone: their comparison's key and group."""
    names = gap.by["attribute"].split(groups.TIMES)
    if len(names) < groups.DEEPEST:
        return []
    values = gap.by["group"].split(groups.TIMES, 1)
    return [(replace(gap, by={**gap.by, "attribute": name}).key, value) for name, value in zip(names, values, strict=True)]


def judged(estimates: Sequence[Estimate], ask: Ask) -> Scan:
    """Compare what the estimates by group allow."""
    found, left = gaps(estimates, ask)
    return Scan(found, adjusted(found), left)


def scan(
    engine: Engine, ask: Ask, names: Sequence[str] = (), *, decision: str | None = None, direction: Direction | None = None
) -> list[Estimate]:
    """Scan the store for bias by the named attributes, by all that make groups when none is named, and by any two crossed.

    `bias_detection`: how many comparisons stay significant when all are adjusted for (Holm), n = how many were made; null
    where none could be made, `one_group` or `too_few`.
    `bias_gap`: each of them, the group's value less that of all other known groups, p adjusted. `bias_money`: for a group that
    gets less personalised mail than others, what it would have brought there. `bias_excluded`: how many groups were too
    small, hidden or empty, named in the note. Then `proxies.assess`, and of the data: `attribute_missing`, `label_balance`
    and `score_direction` (the share of decisions that were right).

    With `decision` that decision alone is assessed, else all mail, every decision and what [fairness] names. Which way a
    measure is good is as the settings have it, unless `direction` says it of personalised mail and of being selected. Raises
    DataError when nobody has an attribute.
    """
    ask = directions.turned(ask, direction)
    attributes.refuse(engine, names)
    wanted = list(dict.fromkeys(names)) or attributes.usable(engine)
    bare = bases.unstated(engine, wanted)
    wanted = [name for name in wanted if name not in bare]
    if bare and not wanted:
        return [bases.null([name], [name], id="bias_detection", unit="count") for name in bare]
    if not wanted:
        return [rules.absent("bias_detection", NO_ATTRIBUTES, {}, unit="count", note="no attribute makes groups")]
    singles = [(name,) for name in wanted]
    estimates, problems = _assessed(engine, ask, [*singles, *combinations(wanted, groups.DEEPEST)], decision)
    result = judged(estimates, ask)
    shown, explained = result.shown(ask)
    note = f"{len(result.found)} comparisons, Holm-adjusted over all of them"
    if explained:
        note += f"; {explained} crossed groups more differ as a half of theirs does alone"
    if problems:
        note += f"; not assessed: {'; '.join(problems)}"
    if bare:
        note += f"; held without a stated basis: {', '.join(bare)}"
    if result.found:
        out = [Estimate("bias_detection", len(shown), n=len(result.found), unit="count", label=RAW, note=note)]
    else:  # nothing compared is nothing found out
        reason = TOO_FEW if result.left else ONE_GROUP
        out = [rules.absent("bias_detection", reason, {}, unit="count", label=RAW, n=0, note=note)]
    for gap, p in shown:
        out.append(_told(gap, p, len(result.found)))
        if gap.measure == "exposure_rate" and gap.is_worse:
            out += _money(gap, estimates)
    out += _excluded(result, ask)
    out += proxies.assess(engine, wanted, ask)
    return [*out, *_missing(engine, wanted, ask), *_labels(estimates)]


NO_ATTRIBUTES: Final = "no_attributes"


def _assessed(
    engine: Engine, ask: Ask, wanted: Sequence[tuple[str, ...]], decision: str | None
) -> tuple[list[Estimate], list[str]]:
    names = [decision] if decision else decisions.names(engine)
    out: list[Estimate] = []
    problems = []
    made = []
    for attribute in wanted:
        try:
            made.append(groups.of(engine, attribute))
            if decision is None:
                out += overview.assess(engine, attribute, ask)
        except DataError as error:
            if len(attribute) == 1:
                raise
            problems.append(str(error).rstrip("."))
    for name in names:
        out += decisions.assess_each(engine, made, ask, name)
    for one in own.asked(ask) if decision is None else ():
        out += own.assess_each(engine, made, ask, one)
    return out, problems


def _told(gap: Gap, p: float, family: int) -> Estimate:
    by = {**gap.by, "measure": gap.measure, "of": "worse" if gap.is_worse else "better"}
    found = gap.interval
    note = f"{gap.value:.3g} against {gap.rest:.3g} of all other known groups; one of {family} comparisons, p Holm-adjusted"
    return Estimate("bias_gap", found.value, found.low, found.high, p, gap.n, gap.unit, RAW, by=by, note=note)


def _money(gap: Gap, estimates: Sequence[Estimate]) -> list[Estimate]:
    """Return what a group misses by getting less personalised mail, by each experiment: people x what the other groups gained
    a person x the share of the others' exposure that this group lacks.

    A projection, whatever the experiment: it claims no more than the raw difference between groups that it rests on (E7)."""
    out = []
    attribute, group = gap.by["attribute"], gap.by["group"]
    gains = [
        e
        for e in estimates
        if e.id == "benefit_difference"
        and e.by["attribute"] == attribute
        and "group" in e.by
        and e.by.get("outcome") == "revenue"
    ]
    for key in sorted({(e.by["experiment"], e.by["arm"], e.by["against"]) for e in gains if "arm" in e.by}):
        by = {"attribute": attribute, "group": group, **dict(zip(("experiment", "arm", "against"), key, strict=True))}
        others = [
            e
            for e in gains
            if (e.by.get("experiment"), e.by.get("arm"), e.by.get("against")) == key
            and e.by["group"] != group
            and groups.is_known(e.by["group"])
            and e.value is not None
            and e.low is not None
        ]
        people = sum(e.n or 0 for e in others)
        if not people or gap.rest <= 0:
            out.append(rules.absent("bias_money", rules.NO_DENOMINATOR, by, label=RAW, n=gap.n))
            continue
        scale = gap.n * -gap.interval.value / gap.rest
        gain = sum((e.value or 0.0) * (e.n or 0) for e in others) / people
        half = math.sqrt(sum((((e.high or 0.0) - (e.low or 0.0)) / 2 * (e.n or 0) / people) ** 2 for e in others))
        note = (
            f"a projection, no measured effect: if the {gap.n} people of this group who could be mailed had got personalised"
            " mail as often as the others and gained by it what the others did, in the experiment's days: its own gain may be"
            " smaller or larger"
        )
        low, high = (gain - half) * scale, (gain + half) * scale
        out.append(Estimate("bias_money", gain * scale, low, high, None, gap.n, others[0].unit, RAW, by=by, note=note))
    return out


def _excluded(scan: Scan, ask: Ask) -> list[Estimate]:
    """Return for each attribute how many groups took no part in some comparison: those in none named with their size, where
    that is shown, then those in some."""
    out = []
    compared = {(gap.by["attribute"], gap.by["group"]) for gap in scan.found}
    for attribute in dict.fromkeys(each.attribute for each in scan.left):
        sizes: dict[str, str] = {}
        for each in scan.left:
            if each.attribute == attribute:
                size = "hidden" if each.n is None else f"{each.n:,} people"
                sizes[each.group] = "hidden" if "hidden" in (size, sizes.get(each.group)) else size
        never = [f"{group} ({size})" for group, size in sorted(sizes.items()) if (attribute, group) not in compared]
        some = [group for group in sorted(sizes) if (attribute, group) in compared]
        parts = [f"in none: {_listed(never)}"] if never else []
        parts += [f"in some, for want of events: {_listed(some)}"] if some else []
        note = f"left out of comparisons, which is no pass; {'; '.join(parts)}"
        if "hidden" in sizes.values():
            note += f"; hidden: fewer than {ask.suppress_n} people, or covers for them"
        out.append(Estimate("bias_excluded", len(sizes), unit="count", by={"attribute": attribute}, note=note))
    return out


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LONGEST} more" if len(names) > LONGEST else ""
    return ", ".join(names[:LONGEST]) + more


def _missing(engine: Engine, names: Sequence[str], ask: Ask) -> list[Estimate]:
    """Return the share of the people known at all whose attribute is missing or differs between systems; hidden where their
    number would give away a group as small."""
    out = []
    (row,) = run(engine, _PEOPLE, {})
    for name in names:
        made, by = groups.of(engine, name), {"attribute": name}
        sql = "SELECT g.value AS value, COUNT(*) AS n FROM group_values AS g WHERE g.value IS NOT NULL GROUP BY g.value"
        sizes = {str(one["value"]): int(one["n"]) for one in run(engine, join(made.text, sql), made.params)}
        known = sum(sizes.values())
        missing = max(int(row["n"]) - known, 0)
        if groups.UNKNOWN in made.hidden([{**sizes, groups.UNKNOWN: missing}], ask):
            out.append(rules.suppressed("attribute_missing", ask, by, unit="share"))
        else:
            out.append(rules.share("attribute_missing", missing, known + missing, ask, by))
    return out


_PEOPLE: Final = (
    "SELECT COUNT(DISTINCT COALESCE(po.person, f.key_id)) AS n FROM (SELECT c.key_id AS key_id FROM contacts AS c"
    " UNION SELECT a.key_id AS key_id FROM attributes AS a UNION SELECT d.key_id AS key_id FROM decisions AS d) AS f"
    " LEFT JOIN person_of AS po ON po.key_id = f.key_id"
)


def _labels(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Return the balance of each decision's labels and how often it was right, with a warning where one looks wrong."""
    out: dict[tuple[str, str], Estimate] = {}
    for one in estimates:
        if "group" in one.by or one.value is None or "decision" not in one.by:
            continue
        by = {"decision": one.by["decision"]}
        if one.id == "base_rate":
            note = (
                f"fewer than {percent(RARE)} of one kind: rates of it are unsure"
                if min(one.value, 1 - one.value) < RARE
                else ""
            )
            made = rules.with_note(replace(one, id="label_balance", by=by, note=""), note)
            out.setdefault(("label_balance", by["decision"]), made)
        elif one.id == "accuracy":
            note = decisions.WRONG_WAY_ROUND if one.high is not None and one.high < RIGHT_ON_THE_WHOLE else ""
            made = rules.with_note(replace(one, id="score_direction", by=by, note=""), note)
            out.setdefault(("score_direction", by["decision"]), made)
    return list(out.values())


def bias_detection(engine: Engine, ask: Ask) -> list[Estimate]:
    """Scan by the attributes named in `ask.by`, or by all."""
    held = attributes.values(engine)
    check(ask.by, tuple(held), "bias_detection")
    return scan(engine, replace(ask, by=()), ask.by)


METRIC: Final = Metric(
    "bias_detection",
    "Scan for bias",
    "How many groups, single and crossed, differ from all others in who is reached, chosen, charged or helped, beyond what"
    " chance explains; with the rules that tell who somebody is, and what is wrong with the data.",
    "count of comparisons whose Holm-adjusted p is below 5 %; each: group's value less that of all other known groups",
    "count",
    bias_detection,
    "132",
    (ANY_ATTRIBUTE,),
    edge_cases="groups too small for a verdict are left out and named with their size; several comparisons of one cause count"
    " each. Prices and discounts are those that the customer pays, gross whatever the basis; deals are left out of them."
    " The money of a gap (bias_money) is a projection, and as raw a difference as the gap.",
    data=("attributes", "touchpoints", "orders", "decisions", "memberships"),
)
