"""`persync attribution`."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from persync.cli.base import Command, engine_options, format_option, period_option
from persync.cli.context import App, pass_app
from persync.cli.journey import journey_options, model_options
from persync.cli.names import known
from persync.cli.output import show_table
from persync.money import Money, to_minor

if TYPE_CHECKING:
    from persync.attribution.calibrate import Against
    from persync.attribution.models import AttributionModel
    from persync.estimate import Estimate
    from persync.measure.metric import Ask

WIDTH = 80
"""how wide a terminal is taken to be when nobody says"""
TOTAL = "all"
SPAN = "95 %"
APART = ("(overlap)", "(baseline)", "(none)")
"""slices that are no thing of their own stand last"""


@click.command(cls=Command)
@model_options
@click.option(
    "--by",
    "by",
    multiple=True,
    metavar="DIM[,DIM]",
    shell_complete=known("levels", joined=True),
    help="Split by channel (default), campaign, message, variant, product ...",
)
@click.option(
    "--reporting",
    type=click.Choice(("cash", "accrual")),
    help="Date credit by the sale or refund (cash, the default), or by the touch that has it.",
)
@click.option("--cost", is_flag=True, help="Also what came back for the cost of e-mail, by each model.")
@journey_options
@engine_options
@period_option
@format_option("text", "json")
@pass_app
def attribution(
    app: App,
    models: str,
    by: tuple[str, ...],
    lookback: float | None,
    basis: str | None,
    reporting: str | None,
    currency: str | None,
    cost: bool,
    half_life: float | None,
    journey: Mapping[str, Any],
    period: str | None,
    form: str,
) -> None:
    """Credit each order to the touchpoints before it, by model. Credit is not cause: an experiment says what was caused.

    For every model that sums to the order, the credits add up to the revenue to the cent; what no touchpoint can take
    stands beside it. By segment a person may count in several: the slice (overlap) takes back what is counted twice.
    The table of one model, and the machine form of every one, has the 95 % interval of each slice that is not tiny, by drawing
    customers anew.
    """
    from persync.jobs.answers.credited import CHANNEL, credited
    from persync.jobs.answers.options import currency_in, models_in, words_in

    chosen = models_in(models, app.host, app.project, half_life)
    split = words_in(by) or CHANNEL
    with app.engine() as engine:
        ask = app.ask(
            period, lookback_days=lookback, basis=basis, currency=currency_in(currency), reporting=reporting, **journey
        )
        one = credited(engine, app.host, ask, chosen, split, cost=cost, tell=app.warn)
    if form == "json":
        click.echo(one.as_json())
        return
    _show(one.found, one.models, split, one.ask)
    for model in one.models:
        if model.against is not None and model.against.share.value is not None:
            click.echo(_kept(model.name, model.against))
    if one.beside:
        click.echo()
        click.echo(_covered(one.beside))
    if one.returns:
        click.echo()
        _show_returns(one.returns)


def _kept(name: str, one: Against) -> str:
    from persync.report import words

    share = one.share
    return (
        f"{name}: e-mail keeps {words.share(one.factor)}; in the people and days of the holdout '{share.by['experiment']}' it"
        f" was credited with {words.value(one.credited)} and caused {words.sentence(one.caused)}."
    )


def _show(found: Sequence[Estimate], models: Sequence[AttributionModel], by: Sequence[str], ask: Ask) -> None:
    """Print a table of slices and models that fits the terminal: whatever there is more of goes down, in as many blocks as
    the other needs across. The last row adds up the models that sum to the order."""
    from persync.report import words

    named = [e for e in found if e.id == "credit" and e.value is not None]
    if named:
        unit = named[0].unit
        dated = "the day of the sale or refund" if ask.reporting == "cash" else "the day of the touch that has it"
        click.echo(f"{_basis(ask)}, {unit}, dated by {dated}. Credited, not caused.")
        cells = {(" / ".join(e.by[name] for name in by), e.by["model"]): e for e in named}
        slices, usable = (list(dict.fromkeys(keys[place] for keys in cells)) for place in (0, 1))
        slices.sort(key=lambda name: name.split(" / ")[0] in APART)
        texts = {key: words.value(e).removesuffix(f" {unit}") for key, e in cells.items()}
        for model in models:
            if model.sums_to == "order" and model.name in usable:
                minors = [to_minor(round(float(cells[name, model.name].value or 0), 6), unit) for name in slices]
                texts[TOTAL, model.name] = words.money(Money(sum(minors), unit)).removesuffix(f" {unit}")
        rows = [*slices, TOTAL]
        spans = {(name, SPAN): words.interval(cells[name, usable[0]]) for name in slices} if len(usable) == 1 else {}
        if any(spans.values()):
            _blocks(" / ".join(by), rows, [*usable, SPAN], texts | spans)
        elif len(rows) >= len(usable):
            _blocks(" / ".join(by), rows, usable, texts)
        else:
            _blocks("model", usable, rows, {(model, name): text for (name, model), text in texts.items()})
        for model in models:
            if model.sums_to != "order" and model.name in usable:
                click.echo(f"{model.name} adds to more than 100 %: it stands in no total.")
        if not spans and any(e.low is not None for e in named):
            click.echo("The 95 % intervals are in --format json, and in the table of one model alone.")
    fits = {
        (e.by["channel"], e.by["model"]): words.value(e) for e in found if e.id == "credit_population" and "channel" in e.by
    }
    if fits:
        from persync.attribution.datadriven import UP_TO_NOW

        click.echo(f"\nOrders of each channel as the fit has it (credit_population): {UP_TO_NOW}")
        channels, fitted = (list(dict.fromkeys(keys[place] for keys in fits)) for place in (0, 1))
        _blocks("channel", channels, fitted, fits)
        _tell_fits(models)
    for e in found:
        if e.id == "credit" and e.value is None:
            click.echo(f"{e.by['model']}: {words.value(e)}{f' ({e.note})' if e.note else ''}")


def _tell_fits(models: Sequence[AttributionModel]) -> None:
    """Print what each fit found beside its strengths."""
    from persync.attribution.fits import sentence

    for model in models:
        said = sentence(model)
        if said and not model.is_calibrated:
            note = f"; {model.fitted.note}" if model.fitted.note else ""
            click.echo(textwrap.fill(f"{model.name}: {said}{note}.", shutil.get_terminal_size((WIDTH, 24)).columns))


def _basis(ask: Ask) -> str:
    from persync.attribution.basis import basis_of

    return {"net": "Net revenue", "gross": "Gross revenue", "margin": "Margin"}[basis_of(ask)]


def _blocks(corner: str, down: Sequence[str], across: Sequence[str], cells: dict[tuple[str, str], str]) -> None:
    width = shutil.get_terminal_size((WIDTH, 24)).columns
    first = max(len(corner), *(len(_short(name, width // 2)) for name in down))
    block: list[str] = []
    left = width - first
    for name in [*across, ""]:
        head = _short(name, width // 3)
        size = 2 + max(len(head), *(len(cells.get((row, name), "")) for row in down))
        if block and (not name or size > left):
            _block(corner, down, block, cells, width)
            block, left = [], width - first
        block.append(name)
        left -= size


def _block(corner: str, down: Sequence[str], across: Sequence[str], cells: dict[tuple[str, str], str], width: int) -> None:
    heads = [_short(name, width // 3) for name in across]
    click.echo()
    rows = [[_short(row, width // 2), *(cells.get((row, name), "") for name in across)] for row in down]
    show_table([corner, *heads], rows, right=heads)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _covered(beside: Sequence[Estimate]) -> str:
    """Say of how much of the net the costs are known."""
    from persync.report import words

    shares = {e.by["cost"]: e for e in beside}
    said = [f"The costs of {words.value(shares['unit_cost'])} of net revenue are known"]
    if shares["margin_setting"].value:
        said.append(f"for {words.value(shares['margin_setting'])} the margin of persync.toml stands in")
    if shares["left_out"].value:
        said.append(f"{words.value(shares['left_out'])} is left out, for no cost of it is known and no margin is set")
    return "; ".join(said) + "."


def _show_returns(returns: Sequence[Estimate]) -> None:
    """Print what came back for the cost, a line a model, and what the gain is."""
    from persync.report import words

    rows: dict[tuple[str, str], dict[str, Estimate]] = {}
    for e in returns:
        if "model" in e.by:
            rows.setdefault((e.by["channel"], e.by["model"]), {})[e.id] = e
    table = []
    for (channel, model), three in rows.items():
        roas, roi, per = (three[id] for id in ("roas", "attribution_model_roi", "cost_per_credited_order"))
        cells = [words.value(roas), words.interval(roas), words.value(roi), words.value(per)] if roas.value is not None else []
        table.append([model, channel, *(cells or [words.value(roas), "", "", ""])])
    headers = ("model", "channel", "came back per unit", "95 %", "return", "cost an order")
    show_table(headers, table, right=headers[2:])
    for note in dict.fromkeys(e.note.partition(";")[2].strip() for e in returns if e.id == "roas" and e.value is not None):
        click.echo(f"{note[:1].upper()}{note[1:]}.")
    for e in returns:
        if "model" not in e.by and e.value is not None and (e.n or 0) > 1:
            click.echo(f"By model the return on {e.by['channel']} runs from {e.note}.")
