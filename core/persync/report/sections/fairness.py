"""Is anybody left out: who was reached, against four fifths of the best-reached known group, who gained, who bore what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from persync.errors import DataError, PersyncError
from persync.estimate import Estimate
from persync.measure import fairness
from persync.measure.fairness import bases, directions, scan
from persync.measure.fairness.groups import UNKNOWN, is_known
from persync.report import charts, words
from persync.report.findings import attributes
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table
from persync.report.sections import bias, frontier, notice, parities

NO_ATTRIBUTE = (
    "no attribute of people was opted in or imported, so nobody can see who is left out."
    " Name the attributes you have a basis to hold in a connection's settings, or import them."
)


def assessments(inputs: Inputs) -> tuple[dict[str, list[Estimate]], list[str]]:
    """Return every attribute's assessment, and why some attributes were left out."""
    found: dict[str, list[Estimate]] = {}
    names, problems = attributes(inputs)
    bare = bases.unstated(inputs.engine, names)
    problems += [f"By '{name}' nobody is compared: it is held without a stated basis." for name in bare]
    for attribute in (name for name in names if name not in bare):
        try:
            found[attribute] = fairness.assess(inputs.engine, attribute, inputs.ask)
        except PersyncError as error:
            problems.append(f"By '{attribute}': {error}")
    return found, problems


def build_fairness(inputs: Inputs) -> Sequence[Block]:
    """Return exposure by group with its verdict and the benefit's spread for every attribute, decisions, what a scan finds,
    what could be done about it, and the bases."""
    found, problems = assessments(inputs)
    if not found and not problems:
        raise DataError(NO_ATTRIBUTE)
    blocks: list[Block] = [*map(Note, problems)]
    if found and notice.nobody_mailed(inputs.engine, inputs.ask):
        return [*blocks, *_unmailed(inputs, found)]
    burden = directions.of("exposure_rate", inputs.ask) == "less"
    said = [line for attribute, estimates in found.items() if (line := answer(attribute, estimates, burden=burden))]
    if said:
        blocks.append(Note(" ".join(said), "answer", "Is anybody left out?"))
    for attribute, estimates in found.items():
        blocks += _attribute(attribute, estimates, burden=burden)
        blocks += parities.others(attribute, estimates)
    blocks += [*_benefits(found), *parities.decided(inputs, list(found))]
    return [*blocks, *_scanned(inputs, list(found)), DEFINITION]


def _unmailed(inputs: Inputs, found: Mapping[str, Sequence[Estimate]]) -> list[Block]:
    """Return what is left where nobody was sent anything in the days asked for: discounts, experiments and decisions, which
    need no message.

    Raise DataError without any: a share of nothing is no share.
    """
    why = notice.nothing_sent(inputs.ask)
    blocks = [block for name, estimates in found.items() for block in parities.others(name, estimates, parities.OFFERS)]
    blocks += [*_benefits(found), *parities.decided(inputs, list(found))]
    if not blocks:
        raise DataError(why)
    return [Note(f"Not known: {why}", "answer", "Is anybody left out?"), *blocks, *_scanned(inputs, list(found)), DEFINITION]


def _benefits(found: Mapping[str, Sequence[Estimate]]) -> list[Block]:
    between = ("benefit_interaction", "benefit_parity", "benefit_smallest_gap")
    benefits = [e for estimates in found.values() for e in estimates if e.id in between and "arm" in e.by]
    return [_benefit(benefits)] if benefits else []


def _scanned(inputs: Inputs, names: Sequence[str]) -> list[Block]:
    """Return what a scan by these attributes finds, what could be done about it, whose rules aim at groups, and the bases."""
    blocks: list[Block] = []
    if names:
        scanned = scan.scan(inputs.engine, inputs.ask, names)
        blocks += [*bias.blocks(scanned), *frontier.blocks(inputs, scanned)]
    return [*blocks, *parities.aimed(inputs), *parities.basis(inputs, attributes(inputs)[0])]


def answer(attribute: str, estimates: Sequence[Estimate], *, burden: bool = False) -> str:
    """Say in words which groups are surely left behind, which are not, of which the data do not say, and who is hidden; where
    personalised mail is a burden, which get so much more of it than the group that gets least."""
    verdicts: dict[str, list[str]] = {}
    for e in judged(estimates):
        if is_known(e.by["group"]) and e.value is not None:
            verdicts.setdefault(e.by["verdict"], []).append(f"'{e.by['group']}'")
    hidden = _hidden(estimates)
    if not verdicts and not hidden:
        return ""
    against = next((f"'{e.by['against']}'" for e in judged(estimates)), "the best-reached group")
    parts = []
    got = "got personalised mail, here a burden, " if burden else "got personalised mail "
    for verdict, than in (("below", "less than"), ("meets", "at least")):
        if names := verdicts.get(verdict):
            few, many = (against, words.listing(names)) if burden else (words.listing(names), against)
            parts.append(f"{few} {got}surely {than} four fifths as often as {many}")
            got = got if burden else ""
    if names := verdicts.get("not shown"):
        parts.append(f"of {words.listing(names)} the data do not say")
    if hidden:
        parts.append(f"{words.plural(len(hidden), 'group is', 'groups are')} too small to show")
    gap = next((e for e in estimates if e.id == "exposure_ratio" and e.by["group"] == UNKNOWN and e.value is not None), None)
    if gap is not None and against != f"'{UNKNOWN}'":
        parts.append(f"people of whom it is unknown {words.brief(gap)} as often, a raw difference")
    return f"By {attribute}: {'; '.join(parts)}."


def _hidden(estimates: Sequence[Estimate]) -> list[str]:
    return sorted(e.by["group"] for e in estimates if e.id == "exposure_rate" and e.reason == "suppressed" and "group" in e.by)


def below(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Return the groups that were surely reached less than four fifths as often as the best-reached known group."""
    return [e for e in judged(estimates) if e.by.get("verdict") == "below"]


def judged(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Return the four-fifths verdicts on who was reached; those on other matters (who bears a burden) are not in them."""
    return [e for e in estimates if e.id == "four_fifths" and e.by.get("of") == "exposure"]


def _attribute(attribute: str, estimates: Sequence[Estimate], *, burden: bool) -> list[Block]:
    fifths = {e.by["group"]: e for e in judged(estimates)}
    against = next((e.by["against"] for e in fifths.values()), None)
    table = _table(attribute, estimates, fifths, against, burden=burden)
    ends = ("against", "group") if burden else ("group", "against")
    blocks: list[Block] = [
        Note(
            f"'{e.by[ends[0]]}' was sent personalised mail {words.times(float(e.value or 0.0))} as often as"
            f" '{e.by[ends[1]]}' (95 %: {words.interval(e)}): surely less than four fifths.",
            "warning",
            f"By {attribute}",
        )
        for e in below(estimates)
    ]
    blocks.append(table)
    rates = [e for e in estimates if e.id == "exposure_rate" and "group" in e.by and e.value is not None]
    if rates:
        blocks.append(_figure(attribute, rates, fifths, against, table, burden=burden))
    hidden = _hidden(estimates)
    if hidden:
        of = len({e.by["group"] for e in estimates if e.id == "exposure_rate" and "group" in e.by})
        names = words.listing([f"'{name}'" for name in hidden])
        is_are = "is hidden because it is" if len(hidden) == 1 else "are hidden because one is, or they are together,"
        said = f"{len(hidden)} of {of} groups: {names} {is_are} so small that people could be recognised. That is not a pass."
        blocks.append(Note(said))
    return blocks


def _table(
    attribute: str, estimates: Sequence[Estimate], fifths: Mapping[str, Estimate], against: str | None, *, burden: bool
) -> Table:
    def of(id: str, group: str) -> Estimate | None:
        return next((e for e in estimates if e.id == id and e.by.get("group") == group), None)

    groups = list(dict.fromkeys(e.by["group"] for e in estimates if e.id == "exposure_rate" and "group" in e.by))

    def cells(group: str) -> tuple[Cell, ...]:
        ratio = of("exposure_ratio", group)
        word = fifths[group].by.get("verdict", "not shown") if group in fifths else "reference" if group == against else None
        return (
            group,
            of("exposure_rate", group),
            ratio,
            word,
            of("exposure_unknown", group),
            of("mean_sends", group),
        )

    columns = (
        Column("group", attribute.capitalize() if attribute.islower() else attribute),
        Column("rate", "Got personalised mail", "estimate", "share sent at least one message of level 2 or above"),
        Column(
            "ratio",
            f"Against '{against}'" if against else "Against the best",
            "estimate",
            "the least-reached known group's rate over theirs" if burden else "rate over the best-reached known group's",
        ),
        parities.FIFTHS,
        Column("unknown", "Only mail of unknown level", "estimate", "left out of the rate: their mail could not be read"),
        Column("sends", "Messages a person", "estimate"),
    )
    return Table(f"exposure_{attribute}", f"Who got personalised mail, by {attribute}", columns, tuple(map(cells, groups)))


def _figure(
    attribute: str,
    rates: Sequence[Estimate],
    fifths: Mapping[str, Estimate],
    against: str | None,
    table: Table,
    *,
    burden: bool,
) -> Figure:
    """Draw each group's ratio to the best-reached one with its interval, beside the four-fifths line."""
    rows = []
    for e in rates:
        group = e.by["group"]
        ratio = fifths.get(group)
        value, low, high = (ratio.value, ratio.low, ratio.high) if ratio else (1.0, 1.0, 1.0)
        verdict = ratio.by.get("verdict", "not shown") if ratio else "reference"
        named = f"{group}, n = {words.number(e.n or 0)}"
        rows.append({"name": named, "value": value, "low": low, "high": high, "verdict": verdict})
    said = "; ".join(
        f"{e.by['group']} {words.brief(fifths[e.by['group']])}, {fifths[e.by['group']].by.get('verdict')}"
        if e.by["group"] in fifths
        else f"{e.by['group']} is the reference"
        for e in rates
    )
    title = (
        f"How often '{against}' got personalised mail, here a burden, against each group"
        if burden
        else f"How often each group got personalised mail against '{against}'"
    )
    return Figure(
        f"exposure_figure_{attribute}",
        f"{title} (1 ×), by {attribute}, with 95 % intervals",
        f"Personalised mail by {attribute} against '{against}', four fifths is 0.8: {said}.",
        charts.intervals(
            rows,
            unit=f"times as often as {'the group' if burden else against}",
            verdicts=True,
            line_at=fairness.FOUR_FIFTHS,
            line_named="four fifths",
        ),
        table,
    )


def _benefit(benefits: Sequence[Estimate]) -> Table:
    of: dict[str, dict[tuple[str, ...], Estimate]] = {}
    for e in benefits:
        if e.by.get("statistic") != "ratio":
            of.setdefault(e.id, {})[tuple(e.by[name] for name in ("attribute", "experiment", "arm", "outcome"))] = e
    parity, interaction, smallest = (of.get(f"benefit_{part}", {}) for part in ("parity", "interaction", "smallest_gap"))

    def cells(key: tuple[str, ...]) -> tuple[Cell, ...]:
        spread, test, seen = parity.get(key), interaction.get(key), smallest.get(key)
        ends = f"{spread.by['against']} less {spread.by['group']}" if spread and "group" in spread.by else None
        said = test.note.split(" (")[0] if test and test.note else None
        attribute, experiment, arm, outcome = key
        least = words.value(seen, short=True) if seen and seen.value is not None else None
        p = words.p_value(test.p) if test and test.p is not None else None
        return attribute, f"{experiment}: {arm}", OUTCOMES[outcome], ends, spread, least, p, said

    columns = (
        Column("attribute", "By"),
        Column("arm", "Arm"),
        Column(
            "outcome", "What the arm caused", "text", "a customer: what the shop took more, and what discounts spared them more"
        ),
        Column("ends", "Most less least"),
        Column("spread", "Gap a customer", "estimate"),
        Column("seen", "Could have been seen", "text", "the smallest gap that these two groups would show four times in five"),
        Column("p", "Do they differ?", "text", "Cochran's test over all groups large enough"),
        Column("said", "Reading"),
    )
    rows = tuple(cells(key) for key in dict.fromkeys([*parity, *interaction]))
    return Table("benefit", "Who had the benefit: the gap between the groups", columns, rows)


OUTCOMES: Final[Mapping[str, str]] = {"revenue": "revenue", "saving": "saving by discounts"}
DEFINITION = Note(
    "Exposure is the share of people who could be mailed and were sent at least one message of personalisation level 2 or"
    " above. Each group is held against the best-reached known group that is large; differences have Newcombe's interval,"
    " ratios Katz's, and p-values are adjusted for the number of comparisons. People whose attribute is unknown or differs"
    " between systems are a group of their own. This assesses who is reached; whether a difference is right is for people to"
    " judge.",
    "definition",
    "How this is assessed",
)

SECTION = Section("fairness", "Is anybody left out?", build_fairness, order=500)
