"""What a scan over all groups and measures finds: who is treated differently, what that costs, which rules do it, and who took
no part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from persync.estimate import Estimate
from persync.measure.fairness.mitigation import gaps
from persync.report import charts, words
from persync.report.report import Block, Cell, Column, Figure, Note, Table
from persync.report.sections.parities import MEASURES

MOST_GROUPS: Final = 4
"""so many groups are named in the sentence; the table has them all"""
MOST_GAPS: Final = 15
MOST_RULES: Final = 3
"""of each attribute"""
SCANNED: Final[Mapping[str, str]] = {
    **MEASURES,
    "exposure": "Got personalised mail",
    "mean_level": "Highest level a person received",
    "benefit_difference": "Revenue caused a customer",
    "benefit_difference: saving": "Discounts caused a customer",
    "selection": "Selected",
    "true_positive": "Selected of those who qualified",
    "false_positive": "Selected of those who did not qualify",
    "precision": "Qualified of those selected",
    "unsent": "Selected, and sent nothing",
    "calibration": "Outcome beyond the score",
}
"""{measure of a gap, without `_rate`: what it is about}"""


def blocks(found: Sequence[Estimate]) -> list[Block]:
    """Return the blocks of a scan (`measure.fairness.scan.scan`), each question with its sentence, figure and table."""
    whole = next((e for e in found if e.id == "bias_detection"), None)
    if whole is None or whole.value is None:
        return []
    worse = gaps(found)
    out: list[Block] = [Note(sentence(whole, worse), "answer", "Is anybody treated differently, beyond chance?")]
    if worse:
        out.append(_gaps(worse))
    money = [e for e in found if e.id == "bias_money" and e.value is not None]
    if money:
        out += [Note(missed(money), "answer", "What do they miss, in money?"), _money(money)]
    rules = [e for e in found if e.id == "proxy_information"]
    if rules:
        out.append(_rules(rules))
    return [*out, *_left(found)]


def sentence(whole: Estimate, worse: Sequence[Estimate]) -> str:
    """Say how many comparisons differ beyond chance, and who is worse off in what."""
    made, many = words.plural(whole.n or 0, "comparison"), words.number(whole.value or 0)
    if not whole.value:
        return (
            f"In {made} of a group with all others, none is shown to differ beyond chance, once all are adjusted for one"
            " another. That is no proof that nobody is treated differently: small groups took no part, and small gaps could not"
            " be seen."
        )
    differ = f"In {many} of {made} a group differs from all others beyond chance, all adjusted for one another"
    if not worse:
        return f"{differ}; in none of them it is worse off."
    by_group: dict[tuple[str, str], list[str]] = {}
    for e in worse:
        by_group.setdefault((e.by["attribute"], e.by["group"]), []).append(_measure(e).lower())
    named = [f"'{group}' by {attribute} ({words.listing(what)})" for (attribute, group), what in by_group.items()]
    more = len(named) - MOST_GROUPS
    shown = [*named[:MOST_GROUPS], words.plural(more, "more group")] if more > 0 else named
    return f"{differ}. Worse off: {words.listing(shown)}."


def missed(money: Sequence[Estimate]) -> str:
    """Say what the group that misses most would have brought, and on what that rests."""
    most = max(money, key=lambda e: float(e.value or 0.0))
    people = f"{words.number(most.n or 0)} people by {most.by['attribute']} who could be mailed"
    return (
        f"Had '{most.by['group']}' ({people}) got personalised mail as often as the others, and gained by it what they did"
        f" in the experiment '{most.by['experiment']}', they would have brought {words.brief(most)} more. That is a projection,"
        " not measured on them: their own gain may be smaller or larger."
    )


def _measure(e: Estimate) -> str:
    kind = e.by["measure"]
    if "outcome" in e.by and (title := SCANNED.get(f"{kind}: {e.by['outcome']}")):
        return title
    return SCANNED.get(kind.removesuffix("_rate"), kind.replace("_", " "))


def _group(e: Estimate) -> str:
    return f"{e.by['group']} ({e.by['attribute']})"


def _gaps(worse: Sequence[Estimate]) -> Table:
    columns = (
        Column("group", "Group"),
        Column("measure", "Worse off in"),
        Column("gap", "Against all others", "estimate", "the group's value less that of all other known groups together"),
    )
    rows = tuple((_group(e), _measure(e), replace(e, note="")) for e in worse[:MOST_GAPS])
    more = f"; the {MOST_GAPS} surest of {len(worse)}" if len(worse) > MOST_GAPS else ""
    return Table("bias_gaps", f"Who is worse off, and in what; p adjusted for all comparisons{more}", columns, rows)


def _money(money: Sequence[Estimate]) -> Figure:
    arms = len({(e.by["experiment"], e.by["arm"]) for e in money})
    twice = len({e.by["group"] for e in money}) < len({_group(e) for e in money})

    def name(e: Estimate) -> str:
        of = f", {e.by['experiment']}: {e.by['arm']}" if arms > 1 else ""
        return f"{_group(e) if twice else e.by['group']}{of}, n = {words.number(e.n or 0)}"

    ordered = sorted(money, key=lambda e: -float(e.value or 0.0))
    columns = (
        Column("group", "Group"),
        Column("arm", "Gain as measured in"),
        Column("money", "Would have brought more", "estimate"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (_group(e), f"{e.by['experiment']}: {e.by['arm']}", replace(e, note="")) for e in ordered
    )
    drawn = [{"name": name(e), "value": e.value, "low": e.low, "high": e.high} for e in ordered]
    said = "; ".join(f"{name(e)}: {words.brief(e)}" for e in ordered)
    return Figure(
        "bias_money",
        "What groups that get less personalised mail would have brought with as much as the others, with 95 % intervals",
        f"Projected revenue missed by group: {said}.",
        charts.intervals(drawn, unit=ordered[0].unit),
        Table("bias_money_table", "What each group misses, as projected from the others", columns, rows),
    )


def _rules(rules: Sequence[Estimate]) -> Table:
    columns = (
        Column("rule", "Message or segment"),
        Column("attribute", "Tells"),
        Column(
            "information",
            "How much of it",
            "estimate",
            "0 %: knowing who was chosen says nothing about the attribute; 100 %: it tells it outright",
        ),
        Column("named", "Does its rule say so?"),
    )
    names = dict.fromkeys(e.by["attribute"] for e in rules)
    shown = [e for name in names for e in [e for e in rules if e.by["attribute"] == name][:MOST_RULES]]
    rows = tuple((e.by["rule"], e.by["attribute"], replace(e, note=""), _said(e) or "no: by proxy") for e in shown)
    more = f"; the strongest of {len(rules)}" if len(rules) > len(shown) else ""
    return Table("bias_rules", f"Which rules tell who somebody is{more}", columns, rows)


def _said(e: Estimate) -> str:
    head = "the rule itself "
    return next((part.removeprefix(head) for part in e.note.split("; ") if part.startswith(head)), "")


def _left(found: Sequence[Estimate]) -> list[Block]:
    missing = {e.by["attribute"]: e for e in found if e.id == "attribute_missing"}
    left = {e.by["attribute"]: e for e in found if e.id == "bias_excluded"}
    if not missing and not left:
        return []
    columns = (
        Column("attribute", "By"),
        Column("missing", "Not known of", "share"),
        Column("left", "Groups left out of a comparison", "count"),
    )
    rows = tuple(
        (name, missing.get(name), left[name].value if name in left else 0) for name in dict.fromkeys([*missing, *left])
    )
    out: list[Block] = [Table("bias_left", "Who was left out of some comparisons, which is no pass", columns, rows)]
    if left:
        head = "left out of comparisons, which is no pass; "
        said = ". ".join(f"By {name}, {e.note.removeprefix(head)}" for name, e in left.items())
        out.append(Note(f"{said}.", "definition", "Which groups were left out of comparisons"))
    return out
