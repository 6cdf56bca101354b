"""Do customers come back, and what are they worth: who buys again, what a customer brings by age, and what is still to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.value.cohorts import cohort_retention, cohort_value
from persync.measure.value.lifetime import AGES, cltv_historic
from persync.measure.value.predicted import ALIVE, BACKTEST, BACKTEST_MONEY, ORDERS, cltv_predictive
from persync.measure.value.repeat import next_order_gap, purchase_frequency, repeat_purchase_rate
from persync.report import charts, words
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table

COHORTS: Final = 12
"""months of first orders that are shown, and months after them"""
_ALL: Final = 0.995


def build_value(inputs: Inputs) -> Sequence[Block]:
    """Return who comes back, the cohorts as a heat table, money by age, and the predicted value with its back-test."""
    engine, ask = inputs.engine, inputs.ask
    again = {one.id: one for one in repeat_purchase_rate(engine, ask)}
    if again["repeat_purchase_rate"].value is None:
        raise DataError(f"nothing is known of customers: {words.reason(again['repeat_purchase_rate'].reason)}.")
    often, gap = purchase_frequency(engine, ask)[0], next_order_gap(engine, ask)[0]
    historic = cltv_historic(engine, ask)
    predicted = {one.id: one for one in cltv_predictive(engine, ask)}
    return [
        _back(again, often, gap),
        *_triangle(cohort_retention(engine, ask), ask.report_n),
        *_worth(historic),
        *_paid_back([one for one in cohort_value(engine, ask) if one.id == "payback_month"]),
        *_predicted(predicted, inputs),
        *_RULES,
    ]


def _back(again: dict[str, Estimate], often: Estimate, gap: Estimate) -> Note:
    """Say how many come back and how soon."""
    repeat, within = again["repeat_purchase_rate"], again["repeat_within"]
    text = f"Of {words.number(repeat.n or 0)} customers, {words.brief(repeat)} have bought on more than one day."
    if within.value is not None:
        days = within.note.partition("within ")[2].partition(" days")[0]
        text += f" Within {days} days of the first order {words.brief(within)} do."
    if often.value is not None:
        text += f" A buyer buys {words.number(float(often.value), 2)} times a year."
    if gap.value is not None:
        text += f" Half come back within {words.brief(gap)}."
    elif gap.reason == "not_reached":
        text += f" {words.capital(gap.note)}."
    return Note(text, "answer", "Do customers come back?")


def _triangle(cells: Sequence[Estimate], report_n: int) -> list[Block]:
    """Return the cohorts that are large enough as a heat table; nothing until a month is over for one of them."""
    enough = {one.by["cohort"] for one in cells if one.value is not None and (one.n or 0) >= report_n}
    cohorts = sorted(enough)[-COHORTS:]
    found = {(one.by.get("cohort"), int(one.by.get("month", "0"))): one for one in cells}
    last = max((month for cohort, month in found if cohort in cohorts and found[cohort, month].value is not None), default=0)
    if not cohorts or not last:
        return []
    months = range(1, min(last, COHORTS) + 1)
    columns = (
        Column("cohort", "First order in"),
        Column("customers", "Customers", "count"),
        *(Column(f"month_{k}", str(k), "share", "months after that of the first order" if k == 1 else "") for k in months),
    )
    rows: list[tuple[Cell, ...]] = []
    drawn: list[dict[str, str | int]] = []
    for cohort in cohorts:
        shown = [found.get((cohort, k)) for k in months]
        known = [one if one is not None and one.value is not None else None for one in shown]
        people = next((one.n for one in known if one is not None), None)
        # A dozen intervals in a row would hide what they surround: how far a cell reaches follows from the customers beside it.
        rows.append((cohort, people, *(None if one is None else float(one.value or 0.0) for one in known)))
        drawn += [
            {"row": cohort, "column": str(k), "value": round(100 * float(one.value))}
            for k, one in zip(months, known, strict=True)
            if one is not None and one.value is not None
        ]
    caption = (
        f"Share of each month's new customers who ordered again, by months since; months with fewer than {report_n} new"
        " customers are left out"
    )
    table = Table("cohorts", caption, columns, tuple(rows))
    per_cent, column, row = max((int(cell["value"]), str(cell["column"]), str(cell["row"])) for cell in drawn)
    alt = (
        f"Share of each month's new customers who ordered in the months after, {words.plural(len(cohorts), 'month')} of first"
        f" orders. The highest is {per_cent} % of those of {row}, {words.plural(int(column), 'month')} later."
    )
    spec = charts.heat(drawn, columns=[str(k) for k in months], title="months after the first order")
    return [Figure("cohorts_figure", "Who comes back: new customers of each month, per cent who order again", alt, spec, table)]


def _worth(historic: Sequence[Estimate]) -> list[Block]:
    """Say what a customer has brought by the greatest age that is known, and show it for every age."""
    by_age = {(one.id, one.by.get("age")): one for one in historic}
    known = [age for age in AGES if (one := by_age.get(("cltv_historic", str(age)))) is not None and one.value is not None]
    so_far = by_age.get(("cltv_historic", "to date"))
    if not known or so_far is None:
        reason = words.reason(so_far.reason if so_far else None)
        return [Note(f"What a customer brings is not known: {reason}.", "info")]
    age = known[-1]
    value, kept = by_age["cltv_historic", str(age)], by_age.get(("cltv_historic_margin", str(age)))
    text = f"Within {age} days of the first order a customer has brought {words.brief(value)} of revenue."
    if kept is not None and kept.value is not None:
        text += f" {words.value(kept)} of it is margin."
    else:
        text += " How much of it is margin is not known: no cost of the goods, and no margin is set."
    if known[0] != age:
        first = by_age["cltv_historic", str(known[0])]
        text += f" The first {known[0]} days alone bring {words.value(first)}."
    rests = (kept.note if kept is not None and kept.value is not None else "").partition("; net revenue")[0]
    kept_note = f"revenue times the shop's margin: {rests}" if rests else "revenue times the shop's margin"
    columns = (
        Column("age", "Days since the first order"),
        Column(
            "revenue", "Revenue a customer", "estimate", "of customers at least as old, refunds taken off when they happened"
        ),
        Column("margin", "Margin a customer", "estimate", kept_note),
    )
    rows = tuple(
        (str(one) if one else "so far", _bare(by_age["cltv_historic", key]), _bare(by_age.get(("cltv_historic_margin", key))))
        for one, key in [*((each, str(each)) for each in known), (0, "to date")]
    )
    table = Table("value_by_age", "What a customer brings by age", columns, rows)
    points = [
        {"name": f"{each} days", "value": e.value, "low": e.low, "high": e.high}
        for each in known
        if (e := by_age["cltv_historic", str(each)]).low is not None
    ]
    blocks: list[Block] = [Note(text, "answer", "What is a customer worth?")]
    if not points:
        return [*blocks, table]
    said = "; ".join(f"{each} days: {words.brief(by_age['cltv_historic', str(each)])}" for each in known)
    spec = charts.intervals(points, unit=f"{value.unit} a customer")
    alt = f"Revenue a customer by days since the first order. {said}."
    return [*blocks, Figure("value_by_age_figure", "Revenue a customer by age, with 95 % intervals", alt, spec, table)]


def _bare(one: Estimate | None) -> Estimate | None:
    """Return an estimate without what the table says for all of them; that there are too few to say stays."""
    if one is None or one.value is None:
        return one
    return replace(one, note=rules.TOO_FEW if rules.too_few(one) else "")


def _paid_back(months: Sequence[Estimate]) -> list[Block]:
    """Say after how many months the cohorts have paid for what it cost to win them, where that is known."""
    known = [one for one in months if one.value is not None]
    late = [one for one in months if one.reason == "not_yet"]
    if not known and not late:
        return []
    text = ""
    if known:
        middle = sorted(int(one.value or 0) for one in known)[len(known) // 2]
        when = "in the month of the first order" if middle == 0 else f"{words.plural(middle, 'month')} after the first order"
        text = f"The typical month's new customers have paid for what it cost to win them {when}."
    if late:
        text += f" {words.plural(len(late), 'month')} of new customers {'has' if len(late) == 1 else 'have'} not paid back yet."
    return [Note(text.strip(), "answer", "When have they paid back?")]


def _predicted(found: dict[str, Estimate], inputs: Inputs) -> list[Block]:
    """Say what customers will bring, and how well the same way would have told what came."""
    value, margin = found["cltv_predictive"], found.get("cltv_predictive_margin")
    months = inputs.ask.value.horizon_months
    if value.value is None:
        return [Note(f"What customers will bring is not known: {words.reason(value.reason)}.", "info")]
    text = f"In the next {months} months the average customer of today is expected to bring {words.brief(value)}"
    text += f", {words.value(margin)} of it margin." if margin is not None and margin.value is not None else "."
    test = found.get(BACKTEST)
    if test is None or test.value is None:
        why = words.reason(test.reason if test else None)
        text += f" This could not be tried on the past: {why}."
    else:
        side = "too many" if test.value > 0 else "too few"
        text += f" Tried on the past: {test.note}. That is {words.share(abs(float(test.value)))} {side}."
        money = found.get(BACKTEST_MONEY)
        if money is not None and money.value is not None:
            side = "too much" if money.value > 0 else "too little"
            text += f" In money: {money.note}. That is {words.share(abs(float(money.value)))} {side}."
    columns = (Column("what", "Expected of a customer"), Column("value", f"Next {months} months", "estimate"))
    names = (
        ("cltv_predictive", "Revenue, discounted to today"),
        ("cltv_predictive_margin", "Margin, discounted to today"),
        (ORDERS, "Purchases"),
        (ALIVE, "Still a customer, by the model"),
        (BACKTEST, "Purchases missed by, when tried on the past"),
        (BACKTEST_MONEY, "Revenue missed by, when tried on the past"),
    )
    # Where nobody is ever seen to leave, the model says that everybody stays: that is no news.
    shown = {id: one for id, one in found.items() if id != ALIVE or one.value is None or float(one.value) < _ALL}
    rows = tuple((name, _bare(shown[id])) for id, name in names if id in shown)
    return [
        Note(text, "answer", "What is still to come?"),
        Table("value_expected", "What the customers of today will bring", columns, rows),
    ]


_RULES: Final = (
    Note(
        "A customer is who placed an order that counts. Orders of one shop day are one purchase. Money is the dated ledger:"
        " refunds are taken off when they happened. Only customers old enough count for an age, so a young shop's numbers are"
        " not pulled down by those who joined last week. Intervals come from drawing customers again and again.",
        "definition",
        "Who and what counts",
    ),
    Note(
        "How often: BG/NBD, customers who buy at a rate of their own and leave for good with a chance of their own. How much:"
        " Gamma-Gamma, each customer's purchases drawn towards everybody's the fewer were seen. Money of later months counts"
        " for less. With fewer than 200 customers who came back, what older customers brought at each age stands in. The"
        " interval is that of the average customer, not of one. The trial on the past fits the model to what was known before"
        " a day and counts what came after it.",
        "definition",
        "How the future is worked out",
    ),
)

SECTION = Section("value", "Do customers come back, and what are they worth?", build_value, order=350, profiles=("full",))
