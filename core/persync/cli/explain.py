"""`persync explain`: how the credit of an order came about, touch by touch."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from persync.cli.base import Group, format_option
from persync.cli.context import App, pass_app
from persync.cli.explain_send import send
from persync.cli.journey import journey_options, model_options
from persync.cli.names import known
from persync.estimate import percent

if TYPE_CHECKING:
    from persync.attribution.explain import Explained, Touch
    from persync.jobs.answers.explained import Orders
    from persync.measure.metric import Ask

F = TypeVar("F", bound=Callable[..., Any])
NARROWEST = 80
SHORT = {
    **{
        reason: reason.replace("_", " ")
        for reason in ("machine", "scanner", "unsubscribe", "same_click", "after_order", "too_old")
    },
    "kind_not_counted": "kind",
    "before_previous_order": "earlier order",
    "email_rule": "e-mail rule",
}
"""Reasons as a narrow column has them; what they mean stands below it."""


@click.group(cls=Group)
def explain() -> None:
    """Show how the credit of an order came about, touch by touch, or what was sent and what followed it."""


explain.add_command(send)


def _options(command: F) -> F:
    @model_options
    @journey_options
    @format_option("text", "json")
    @wraps(command)
    def with_options(*args: Any, **more: Any) -> Any:
        return command(*args, **more)

    return with_options  # type: ignore[return-value]


@explain.command()
@click.argument("id", shell_complete=known("orders"))
@_options
@pass_app
def order(app: App, /, id: str, form: str, **asked: Any) -> None:
    """Explain the order ID: the seller's id, its name as in '#1001', or CONNECTION:ID."""
    from persync.jobs.answers.explained import order_named

    _explain(app, order_named(id), form, **asked)


@explain.command()
@click.argument("key")
@_options
@pass_app
def person(app: App, /, key: str, form: str, **asked: Any) -> None:
    """Explain every order of the person KEY: an address, CONNECTION:ID of a platform, or an id of your own."""
    from persync.jobs.answers.explained import orders_with
    from persync.jobs.answers.sent import person_keys

    with app.store() as store:
        key_ids = person_keys(store, key)
    _explain(app, orders_with(key_ids), form, **asked)


def _explain(
    app: App,
    orders: Orders,
    form: str,
    *,
    models: str,
    lookback: float | None,
    half_life: float | None,
    basis: str | None,
    currency: str | None,
    journey: Mapping[str, Any],
) -> None:
    from persync.attribution.basis import basis_of
    from persync.jobs.answers.explained import explained, explained_json
    from persync.jobs.answers.options import currency_in, models_in

    chosen = models_in(models, app.host, app.project, half_life)
    ask = app.ask(lookback_days=lookback, basis=basis, currency=currency_in(currency), **journey)
    with app.engine() as engine:
        results = explained(engine, app.host, ask, chosen, orders, tell=app.warn)
    if form == "json":
        click.echo(explained_json(results, ask))
        return
    for number, one in enumerate(results):
        if number:
            click.echo()
        _show(one, ask, basis_of(ask), app.color)


def _show(one: Explained, ask: Ask, basis: str, color: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from persync.attribution.explain import REASONS
    from persync.cli.output import console as console_for

    width = max(NARROWEST, shutil.get_terminal_size((NARROWEST, 24)).columns)
    console = console_for(color, sys.stdout, width=width, emoji=False)
    when = _when(one.ordered_at, ask.timezone) if one.ordered_at is not None else "at a time unknown"
    amount = _money(one.minor, one.currency)
    console.print(Text(f"{one.connection}:{one.name}, ordered {when}, {amount} ({basis})", style="bold"))
    for at, minor in one.events if len(one.events) > 1 else ():
        console.print(f"  {_when(at, ask.timezone)}  {_money(minor, one.currency):>18}")
    counted = sorted((touch for touch in one.touches if not touch.reason), key=lambda touch: touch.position)
    left_out = [touch for touch in one.touches if touch.reason]
    if not one.has_person:
        console.print("Nobody is known to have placed it, so no touch can be looked for.")
    elif not counted:
        console.print("No touch of its people counts.")
    if counted:
        console.print(f"\n{len(counted)} that count, days before the order, times in {ask.timezone}")
        console.print(_touches(counted, ask, numbered=True))
    if left_out:
        console.print(f"\n{len(left_out)} that do not count")
        console.print(_touches(left_out, ask, numbered=False))
        for reason in dict.fromkeys(touch.reason for touch in left_out):
            console.print(f"  {SHORT[reason]}: {REASONS[reason]}")
    table = Table(box=None, pad_edge=False)
    for heading, justify in (("model", "left"), ("touch", "left"), ("weight", "right"), ("share", "right"), ("money", "right")):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for model in one.models:
        if model.reason:
            table.add_row(model.name, model.reason.replace("_", " "), "", "", "")
            continue
        rows = [
            (f"{touch.position or 'mail'}", touch.shares[model.name]) for touch in one.touches if model.name in touch.shares
        ]
        lines = [
            (number, f"{share.weight:.6g}", percent(share.share, 2), _money(share.minor, one.currency, bare=True))
            for number, share in sorted(rows, key=lambda row: (not row[0].isdigit(), row[0].zfill(6)))
            if share.weight or share.minor
        ]
        lines += [(reason, "", "", _money(minor, one.currency, bare=True)) for reason, minor in one.rests[model.name].items()]
        for place, cells in enumerate(lines or [("none", "", "", _money(0, one.currency, bare=True))]):
            table.add_row(model.name if not place else "", *cells)
    console.print()
    console.print(table)
    console.print(f"\n{_added_up(one)} Credited, not caused.")


def _added_up(one: Explained) -> str:
    """Say what the models add up to; one that gives each channel the whole order may add to more, or to nothing."""
    more: list[str] = []
    less: list[str] = []
    for model in one.models:
        if model.sums_to == "none" and not model.reason:
            given = abs(sum(touch.shares[model.name].minor for touch in one.touches if model.name in touch.shares))
            (more if given > abs(one.minor) else less if given < abs(one.minor) else []).append(model.name)
    but = f" but {', '.join(less)}" if less else ""
    beside = f"; {', '.join(more)} {'adds' if len(more) == 1 else 'add'} to more" if more else ""
    return f"Every model{but} adds up to {_money(one.minor, one.currency)}{beside}."


def _touches(touches: Sequence[Touch], ask: Ask, *, numbered: bool) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in (*(("",) if numbered else ()), "when", "days", "kind", "channel", "seen by, campaign"):
        table.add_column(heading, justify="right" if heading == "days" else "left", overflow="fold")
    if not numbered:
        table.add_column("why", no_wrap=True)
    for touch in touches:
        cells = [_when(touch.happened_at, ask.timezone), f"{touch.age_days:.1f}", touch.kind, touch.channel]
        cells.append(f"{touch.seen_by}:{touch.campaign}" if touch.campaign else touch.seen_by)
        table.add_row(*([str(touch.position)] if numbered else []), *cells, *([] if numbered else [SHORT[touch.reason]]))
    return table


def _when(at: int, timezone: str) -> str:
    from persync.settings.periods import zone

    return f"{datetime.fromtimestamp(at / 1000, zone(timezone)):%Y-%m-%d %H:%M}"


def _money(minor: int, currency: str, *, bare: bool = False) -> str:
    from persync.money import Money
    from persync.report import words

    text = words.money(Money(minor, currency))
    return text.removesuffix(f" {currency}") if bare else text
