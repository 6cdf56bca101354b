"""What it cost, and what came back: the cost by kind, everything that came back part by part, and when it has paid back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.errors import DataError
from persync.estimate import RAW, Estimate
from persync.measure import costs
from persync.measure.gain.cashflow import DCF, dcf_of, payback_of
from persync.measure.gain.holistic import ACQUISITION, DIRECT, OPERATING, RETENTION, Whole, whole
from persync.measure.returns import Return, personalisation_cost
from persync.report import charts, words
from persync.report.findings import doubt, returned
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table

NAMES: Final = {
    DIRECT: "Messages, as tested",
    RETENTION: "Later, by the same people",
    ACQUISITION: "Customers won for less",
    OPERATING: "Hours and tickets saved",
}
_BESIDE: Final = {"discounts_given": "discounts given (not added)", "list_loss": "people who left the list (not added)"}


def build_returns(inputs: Inputs) -> Sequence[Block]:
    """Return the cost by category with those nobody entered, the waterfall of what came back, and payback."""
    engine, ask = inputs.engine, inputs.ask
    total, *beside = personalisation_cost(engine, ask)
    if total.reason == costs.NO_COST:
        raise DataError("no costs have been imported, so what came back for them is not known: persync import costs FILE.")
    blocks: list[Block] = [Note(_cost_sentence(total, beside), "answer", "What did it cost?")]
    if total.value is None:
        return blocks
    by_category = personalisation_cost(engine, replace(ask, by=("category",)))
    blocks += costs_shown(total, by_category, beside)
    found = returned(inputs)
    everything = whole(engine, ask, found)
    blocks += waterfall(everything, ask.timezone)
    blocks += [Note(text, "answer", "When does it pay back?") for text in _paid_back(inputs, found)]
    return [*blocks, _RULES]


def _cost_sentence(total: Estimate, beside: Sequence[Estimate]) -> str:
    if total.value is None:
        return f"What it cost is {words.value(total)}."
    lacking = _lacking(total, beside)
    text = f"The programme cost {words.value(total)}."
    if lacking:
        kinds = words.listing(lacking, "or")
        text += f" Nothing was entered for {kinds}: if there was any, the cost is too low and the return too high."
    return text


def _lacking(total: Estimate, beside: Sequence[Estimate]) -> list[str]:
    """Return the categories that nobody entered, as the note of the sum names them; discounts are known from the orders."""
    known = {"discount" for one in beside if one.id == "discounts_given" and one.value is not None}
    part = next((one for one in total.note.split("; ") if one.startswith(_NOTHING)), "")
    return [name for name in part.removeprefix(_NOTHING).split(", ") if name and name not in known]


_NOTHING: Final = "nothing entered for "


def costs_shown(total: Estimate, by_category: Sequence[Estimate], beside: Sequence[Estimate]) -> list[Block]:
    """Return the cost by kind as bars with their table; the table alone where there is one kind or several currencies."""
    table = _cost_table(total, by_category, beside)
    spent = sorted((one for one in by_category if one.value), key=lambda one: -float(one.value or 0))
    if len(spent) < 2 or any(one.unit != total.unit for one in spent):
        return [table]
    said = "; ".join(f"{one.by['category']}: {words.value(one)}" for one in spent)
    spec = charts.bars(
        [{"category": one.by["category"], "cost": float(one.value or 0)} for one in spent],
        amount="cost",
        of="category",
        unit=total.unit,
    )
    return [Figure("cost_figure", "What the money went into", f"Cost in all {words.value(total)}. {said}.", spec, table)]


def _cost_table(total: Estimate, by_category: Sequence[Estimate], beside: Sequence[Estimate]) -> Table:
    columns = (Column("category", "For"), Column("cost", "Cost", "estimate"))
    rows: list[tuple[Cell, ...]] = [(one.by["category"], replace(one, note="")) for one in by_category]
    rows += [(name, "nothing entered") for name in _lacking(total, beside)]
    rows += [(_BESIDE[one.id], replace(one, note="")) for one in beside]
    rows.append(("in all", replace(total, note="")))
    return Table("cost_by_kind", "What it cost, and what nobody entered", columns, tuple(rows), has_total=True)


def waterfall(found: Whole, timezone: str) -> list[Block]:
    """Return the sentence on what came back and what is left, and the steps from one to the other; why not, where unknown."""
    total = found.cost
    known = [one for one in found.parts if one.value is not None]
    proxies = [one for one in found.proxies if one.value is not None]
    unknown = [f"{NAMES[one.by['part']].lower()} ({words.reason(one.reason)})" for one in found.parts if one.value is None]
    blocks: list[Block] = []
    if not known:
        return [Note(f"What came back is not known: {'; '.join(unknown)}.", "info")]
    if total.value is None:
        return [Note(f"What it cost in the days of the test is {words.value(total)}.", "info")]
    cost = float(total.value)
    back = sum(float(one.value or 0.0) for one in known)
    priced = sum(float(one.value or 0.0) for one in proxies)
    left = Estimate("left", back + priced - cost, unit=total.unit)
    brought = words.value(replace(left, value=back))
    raw = [one for one in known if one.label == RAW]
    text = f"{brought} came back, as far as it is known, for {words.value(total)} spent in the same days"
    text += f": {words.value(left)} is left." if not proxies else "."
    if found.days is not None:
        text = f"In the days of the test ({words.period(found.days, timezone)}) {text}"
    if proxies:
        text += f" Your own prices add {words.value(replace(left, value=priced))}: {words.value(left)} is left."
    if raw:
        names = words.listing([NAMES[one.by["part"]].lower() for one in raw])
        size = words.value(replace(left, value=sum(float(one.value or 0.0) for one in raw)))
        text += f" {size} of what came back ({names}) is a raw difference, not shown to be caused by the mail."
    revenue = any("gain is revenue" in one.note for one in known)
    text += " What the goods cost is not taken off: no margin is set." if revenue else ""
    text += "".join(f" {said}" for said in dict.fromkeys(doubt(one.note) for one in known) if said)
    blocks.append(Note(text, "answer", "What came back?"))
    if unknown:
        blocks.append(Note(f"Not known, and counted as nothing: {'; '.join(unknown)}.", "info"))
    columns = (
        Column("part", "Part"),
        Column("kind", "How it is known"),
        Column("amount", "Amount", "estimate", "later money has the tested part taken off: nothing is counted twice"),
    )
    steps = [(NAMES[one.by["part"]], "raw difference" if one.label == RAW else "measured", one) for one in known]
    steps += [(f"proxy: {one.by['proxy']}", "by proxy", one) for one in proxies]
    steps.append(("Cost", "cost", replace(total, value=-cost)))
    steps.append(("Left", "what is left", left))
    rows = tuple((name, kind, replace(one, note="")) for name, kind, one in steps)
    table = Table("return_parts", "What came back and what it cost, part by part", columns, rows, has_total=True)
    drawn = [{"name": name, "kind": kind, "amount": one.value} for name, kind, one in steps]
    said = "; ".join(f"{name}: {words.value(one)}" for name, _, one in steps)
    figure = Figure(
        "return_parts_figure",
        "What came back, what it cost, and what is left",
        f"Parts of the return. {said}.",
        charts.waterfall(drawn, unit=total.unit),
        table,
    )
    return [*blocks, figure]


def _paid_back(inputs: Inputs, found: Sequence[Return]) -> list[str]:
    """Say for each experiment when it has paid back, and what it is worth over the months looked at."""
    worth = {one.by["experiment"]: one for one in dcf_of(inputs.engine, inputs.ask, found) if one.id == DCF}
    out = []
    for one in payback_of(inputs.ask, found):
        name = one.by["experiment"]
        who = f"'{name}'" if len(found) > 1 else "It"
        months = inputs.ask.costs.horizon_months
        if one.value is None and one.reason != "not_within_horizon":
            continue
        if said := doubt(one.note):
            out.append(f"Whether {who if len(found) > 1 else 'it'} pays back is not said. {said}")
            continue
        if one.value is None:
            text = f"{who} does not pay back within {months} months at what it brought in on average."
        else:
            text = f"{who} pays back after {words.plural(int(one.value), 'month')} at what it brought in on average"
            if one.high is None:
                text += "; at the low end of what is likely it never does within the time looked at."
            else:
                text += f", at the latest after {words.plural(int(one.high), 'month')}."
        value = worth.get(name)
        if value is not None and value.value is not None:
            rate = words.share(inputs.ask.costs.discount, 0)
            text += f" Going on like this for {months} months, it is worth {words.brief(value)} today, at {rate} a year."
        out.append(text)
    return out


_RULES: Final = Note(
    "Costs are what was imported; what serves several months counts an equal part a month, and an amount in another currency is"
    " turned at the rate of its day. What the messages brought in comes from tests and holdouts alone. What the same people"
    " bring later is their value by the greatest age known, less the tested part, so no sale counts twice. Hours saved count"
    " at their rate times the share that is put to use. A proxy is your own price for what cannot be measured: it is off unless"
    " you switch it on, and always stands apart. Discounts are off revenue already, so they are not added to the cost again.",
    "definition",
    "What is counted, and what is not",
)

SECTION = Section("returns", "What did it cost, and what came back?", build_returns, order=220)
