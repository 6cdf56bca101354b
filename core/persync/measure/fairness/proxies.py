"""Rules that tell who somebody is: how much being in a segment, or being sent a message, says about an attribute.

The mutual information of two classifications is what knowing one takes off the uncertainty of the other. Divided by the smaller
of their entropies it is 0 for independence and 1 where one tells the other outright.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate
from persync.measure import intervals, rules
from persync.measure.fairness import groups, targeting
from persync.measure.intervals import Interval
from persync.measure.metric import Ask
from persync.measure.texts import bounds, join, piece, run

MOST_RULES: Final = 200
"""the largest so many segments and messages are looked at"""
Cell = tuple[int, int]
"""how many the rule takes, of how many people"""


def assess(engine: Engine, names: Sequence[str], ask: Ask) -> list[Estimate]:
    """Return `proxy_information` of every segment and every message of the period with every attribute: normalised mutual
    information with its interval, p of the G-test, adjusted (Holm) over all of them.

    Among the people who could be mailed and whose attribute is known. Only what chance does not explain is returned, the
    strongest first, after one estimate without `rule` that counts them; a segment whose rule names the attribute's kind says
    so in its note. Groups too small to be shown, or to be judged, are left out of all cells.
    """
    made = [one for name in names for one in _of_attribute(engine, name, ask)]
    adjusted = intervals.holm([1.0 if one.p is None else one.p for one in made])
    sure = [replace(one, p=p) for one, p in zip(made, adjusted, strict=True) if p < 1 - ask.confidence]
    aimed = {rule.segment: rule.what for rule in (*targeting.rules(engine), *targeting.campaigns(engine))}
    note = f"of {len(made)} pairs of a rule and an attribute, Holm-adjusted over all of them"
    out = [Estimate("proxy_rules", len(sure), n=len(made), unit="count", label=RAW, note=note)]
    for one in sorted(sure, key=lambda one: (-(one.value or 0.0), one.by["rule"], one.by["attribute"])):
        word = aimed.get(one.by["rule"])
        out.append(rules.with_note(one, f"the rule itself names a {word}" if word else ""))
    return out


def information(cells: Sequence[Cell], confidence: float = intervals.CONFIDENCE) -> Interval | None:
    """Return the normalised mutual information of a rule with groups given as (taken, people), with an interval and the p of
    the G-test (Woolf 1957). None when the rule takes nobody or everybody, or there are fewer than two groups.

    G = 2 N I has the noncentral chi-square distribution; its noncentrality over 2 N is the information itself, so the value is
    (G - k + 1) / 2 N (Miller & Madow's correction), not below 0, and the bounds are those of the noncentrality; the upper one
    never below that of an average table without information, for one that fits better still is no surer.
    """
    from scipy.special import chndtrinc

    filled = [cell for cell in cells if cell[1] > 0]
    taken, people = sum(t for t, _ in filled), sum(n for _, n in filled)
    if len(filled) < 2 or taken in (0, people):
        return None
    table = [side for t, n in filled for side in ((t, n * taken / people), (n - t, n * (people - taken) / people))]
    g = 2 * sum(seen * math.log(seen / expected) for seen, expected in table if seen)
    freedom = len(filled) - 1
    least = min(_entropy([taken, people - taken]), _entropy([n for _, n in filled]))
    scale = 2 * people * least
    tail = (1 - confidence) / 2
    p = intervals.chi_square_p(max(g, 0.0), freedom)

    def bound(statistic: float, share: float) -> float:
        # Below this G the distribution function is smaller even without any information.
        if 1 - intervals.chi_square_p(statistic, freedom) <= share:
            return 0.0
        return float(chndtrinc(statistic, freedom, share)) / scale

    value = min(1.0, max(0.0, g - freedom) / scale)
    low, high = bound(max(g, 0.0), 1 - tail), bound(max(g, float(freedom)), tail)
    return Interval(value, min(value, low), min(1.0, max(value, high)), p)


def _entropy(counts: Sequence[int]) -> float:
    whole = sum(counts)
    return -sum(n / whole * math.log(n / whole) for n in counts if n)


def _of_attribute(engine: Engine, name: str, ask: Ask) -> list[Estimate]:
    made = groups.of(engine, name)
    texts = (piece("sends"), made.text, piece("audience"), piece("taken"), piece("rules_by_group"))
    rows = run(engine, join(*texts), {**made.params, **bounds(ask.period)})
    people: dict[str, int] = {}
    taken: dict[tuple[str, str, int], dict[str, int]] = defaultdict(dict)
    for row in rows:
        if row["kind"] == "":
            people[str(row["value"])] = int(row["people"])
        else:
            taken[str(row["kind"]), str(row["rule"]), int(row["number"])][str(row["value"])] = int(row["people"])
    return of_rules(name, people, taken, made.hidden([people], ask), ask)


def of_rules(
    name: str,
    people: Mapping[str, int],
    taken: Mapping[tuple[str, str, int], Mapping[str, int]],
    hide: Collection[str],
    ask: Ask,
) -> list[Estimate]:
    """Return the information of the largest rules with an attribute: `people` of each value, and how many of them each rule
    (kind, name, number) has `taken`. Values to `hide` take no part."""
    # As in every other comparison of groups, one too small to be judged says nothing here, where it alone might carry G.
    shown = {value: n for value, n in people.items() if value not in hide and n >= ask.report_n}
    largest = sorted(taken, key=lambda rule: (-sum(taken[rule].values()), rule))[:MOST_RULES]
    found = []
    for rule in sorted(largest):
        cells = {value: (taken[rule].get(value, 0), n) for value, n in shown.items()}
        one = _one(name, rule[0], rule[1], cells, ask)
        if one is not None:
            found.append(one)
    return found


def _one(attribute: str, kind: str, rule: str, cells: Mapping[str, Cell], ask: Ask) -> Estimate | None:
    """Return the information of one rule; None where it takes or leaves too few to tell."""
    taken, n = sum(t for t, _ in cells.values()), sum(n for _, n in cells.values())
    if min(taken, n - taken) < ask.report_n:
        return None
    interval = information(list(cells.values()), ask.confidence)
    by = {"attribute": attribute, "rule": rule, "kind": kind}
    return rules.from_interval("proxy_information", interval, n=n, unit="share", by=by, label=RAW) if interval else None
