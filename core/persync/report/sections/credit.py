"""Who gets the credit: each channel under each model, adding up to the ledger to the cent. Credited, not caused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from persync.attribution import ledger
from persync.attribution.basis import basis_of
from persync.attribution.credit import NO_TOUCH, cost_coverage, credit
from persync.attribution.models import AttributionModel
from persync.errors import DataError
from persync.estimate import Estimate
from persync.money import Money, from_minor, to_minor
from persync.report import charts, words
from persync.report.findings import returned
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table

EMAIL = "email"
CHANNELS = {NO_TOUCH: "no touchpoint", "(unknown)": "unknown channel", EMAIL: "e-mail"}

Cells = Mapping[tuple[str, str], Estimate]
"""(channel, model) -> credit"""


def build_credit(inputs: Inputs) -> Sequence[Block]:
    """Return the credit of every channel under every model that sums to the order, and what an experiment says beside it."""
    models = [model for model in inputs.models if model.sums_to == "order"]
    if not models:
        raise DataError("no attribution model is installed that adds up to the orders.")
    found = credit(inputs.engine, models, ("channel",), inputs.ask)
    cells: dict[tuple[str, str], Estimate] = {
        (e.by["channel"], e.by["model"]): e for e in found if e.id == "credit" and e.value is not None
    }
    if not cells:
        raise DataError(f"nothing can be credited: {words.reason(found[0].reason if found else 'no_orders')}.")
    unused = [e for e in found if e.id == "credit" and e.value is None]
    models = [model for model in models if model.name not in {e.by["model"] for e in unused}]
    table = _table(cells, models)
    blocks: list[Block] = [NOT_CAUSED, Note(_spread(cells, models)), _ties(inputs, models), *_coverage(inputs), table]
    blocks.append(_figure(cells, models, table))
    blocks += [Note(f"Not shown: {title(e.by['model'])} ({words.reason(e.reason)}).") for e in unused]
    blocks += [
        Note(
            f"Beside it, what the experiment '{one.experiment.name}' says was caused in its own days:"
            f" {words.sentence(one.revenue)}."
        )
        for one in returned(inputs)
        if one.revenue.value is not None
    ]
    return [*blocks, *_rules(models)]


NOT_CAUSED = Note(
    "Credited, not caused: a model shares out revenue among the touchpoints before an order by a rule. No model knows what"
    " would have been bought without the message.",
    "warning",
)


def _channel(name: str) -> str:
    return CHANNELS.get(name, name.replace("_", " "))


def channels(cells: Cells) -> list[str]:
    """Return the channels, the one with the highest mean credit first, what no touchpoint can hold last."""
    names = {channel for channel, _ in cells}

    def size(channel: str) -> float:
        return sum(float(e.value or 0.0) for (name, _), e in cells.items() if name == channel)

    return sorted(names, key=lambda name: (name == NO_TOUCH, -size(name), name))


def _minor(e: Estimate | None) -> int:
    return 0 if e is None or e.value is None else to_minor(round(e.value, 6), e.unit)


def _currency(cells: Cells) -> str:
    return next(iter(cells.values())).unit


def _table(cells: Cells, models: Sequence[AttributionModel]) -> Table:
    named = channels(cells)
    columns = (
        Column("model", "Model", note="n counts the orders that gave a channel something."),
        *(Column(f"channel_{number}", _channel(name).capitalize(), "money") for number, name in enumerate(named, 1)),
    )
    rows: list[tuple[Cell, ...]] = [
        (title(model.name), *(cells.get((channel, model.name)) for channel in named)) for model in models
    ]
    return Table("credit", "Revenue credited to each channel, by model", columns, tuple(rows))


def title(model: str) -> str:
    """Return a model's name as people write it: first touch, last non-direct, U-shaped."""
    name = model.replace("_", " ").replace("non direct", "non-direct")
    return re.sub(r"\b([a-z]) shaped", lambda found: f"{found[1].upper()}-shaped", name)


def _spread(cells: Cells, models: Sequence[AttributionModel]) -> str:
    named = [name for name in channels(cells) if name != NO_TOUCH]
    channel = EMAIL if EMAIL in named else named[0] if named else NO_TOUCH
    amounts = {model.name: _minor(cells.get((channel, model.name))) for model in models}
    low, high = (pick(amounts, key=lambda name: (amounts[name], name)) for pick in (min, max))
    currency = _currency(cells)
    total = sum(_minor(cells.get((name, models[0].name))) for name in channels(cells))
    whole = f"of {words.money(Money(total, currency))}"
    what = _channel(channel)
    if amounts[low] == amounts[high]:
        return f"Every model credits {what} with {words.money(Money(amounts[low], currency))} {whole}."
    return (
        f"Depending on the rule, {what} is credited with {words.money(Money(amounts[low], currency))} ({title(low)}) to"
        f" {words.money(Money(amounts[high], currency))} ({title(high)}) {whole}."
    )


def _ties(inputs: Inputs, models: Sequence[AttributionModel]) -> Note:
    """Say whether every order adds up in every model; needs the ledger that `credit` has written."""
    check = ledger.ties(inputs.engine, models, replace(inputs.ask, lift=None), narrow=True)
    if check.differences:
        first = check.differences[0]
        return Note(
            f"{words.plural(len(check.differences), 'order')} or more do not add up, first order {first['order_id']} under"
            f" {title(str(first['model']))}: do not use these numbers.",
            "warning",
        )
    totals = words.listing([words.money(Money(minor, currency)) for currency, minor in check.totals.items()])
    of, within = ("", "") if inputs.ask.period is None else (" with money in the period", ", their other days included")
    shown = f"each of {len(models)} models" if len(models) > 1 else title(models[0].name)
    each = f"each of {words.plural(check.orders, 'order')}{of}" if check.orders > 1 else f"the one order{of}"
    return Note(f"Under {shown} the credits of {each} add up to its {_money(inputs)} to the cent: {totals}{within}.")


def _money(inputs: Inputs) -> str:
    basis = basis_of(inputs.ask)
    return basis if basis == "margin" else f"{basis} revenue"


def _coverage(inputs: Inputs) -> list[Note]:
    """Say, where margins are credited, of how much of the net the costs are known."""
    shares = {e.by["cost"]: e for e in cost_coverage(inputs.engine, inputs.ask)}
    if not shares:
        return []
    said = f"What is credited is margin: the costs of {words.value(shares['unit_cost'])} of net revenue are known"
    if shares["margin_setting"].value:
        said += f"; for {words.value(shares['margin_setting'])} the margin in the settings stands in"
    if shares["left_out"].value:
        said += f"; {words.value(shares['left_out'])} is left out, for no cost of it is known and no margin is set"
    return [Note(f"{said}.", "warning" if shares["left_out"].value else "info")]


def _figure(cells: Cells, models: Sequence[AttributionModel], table: Table) -> Figure:
    currency = _currency(cells)
    rows = [
        {
            "model": title(model.name),
            "channel": _channel(channel),
            "amount": float(from_minor(_minor(cells.get((channel, model.name))), currency)),
        }
        for model in models
        for channel in channels(cells)
    ]
    tops = []
    for model in models:
        best = max(channels(cells), key=lambda name: _minor(cells.get((name, model.name))))
        amount = words.money(Money(_minor(cells.get((best, model.name))), currency))
        tops.append(f"{title(model.name)}: most to {_channel(best)}, {amount}")
    return Figure(
        "credit_figure",
        "The same revenue, shared out by each model",
        f"Stacked bars of equal length, one a model. {'; '.join(tops)}.",
        charts.bars(rows, amount="amount", of="model", unit=currency, split="channel", rest=CHANNELS[NO_TOUCH]),
        table,
    )


def _rules(models: Sequence[AttributionModel]) -> list[Note]:
    return [
        Note(
            "A touchpoint is a click on a message or a visit to the shop by a person known to have placed the order, within the"
            " look-back before it; machine and scanner clicks are left out. Each ledger event of an order, refunds included, is"
            " shared out by the model's weights in whole cents, so nothing is lost to rounding. What no touchpoint can hold"
            " stands in its own line.",
            "definition",
            "How credit is worked out",
        ),
        Note(" ".join(f"{title(model.name)}: {model.summary}" for model in models), "definition", "What each model does"),
    ]


SECTION = Section("credit", "Who gets the credit?", build_credit, order=400)
