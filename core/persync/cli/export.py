"""`persync export`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from click.shell_completion import CompletionItem

from persync.cli.base import Command, Group, period_option, small_groups_option
from persync.cli.context import App, pass_app
from persync.cli.lists import hand_over, list_options, target
from persync.cli.names import dimensions, known, names_of
from persync.cli.noise import give, wish_options
from persync.redact import inert

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from persync.estimate import Estimate
    from persync.measure.metric import Ask

DATA = "TABLE|VIEW|METRIC"
GOES_ON = "a file is written whole or not at all. The same command writes it anew."
FORMATS = ("csv", "json", "jsonl", "xlsx", "parquet")


class Exports(Group):
    """What is no command of its own is the name of a table, a view or a metric."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return super().get_command(ctx, name) or _named(name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands, the views with what they are, and the metrics."""
        from click.shell_completion import CompletionItem

        from persync.store.told import VIEWS_TOLD

        known = {name: command.get_short_help_str() for name, command in self.commands.items() if name != DATA}
        known |= {name: told.what for name, told in VIEWS_TOLD.items()}
        known |= names_of(("metrics",), ctx, incomplete)
        return [CompletionItem(name, help=text) for name, text in known.items() if name.startswith(incomplete)]


@click.group(cls=Exports, subcommand_metavar=f"{DATA}|COMMAND [OPTIONS]")
def export() -> None:
    """Write a table, a view or a metric for another program, or people as a list that a platform imports.

    `persync export v_orders --out orders.parquet` writes a view. Nobody is named in it: people are numbers of this store, and
    the platforms' own ids of orders, carts and the like are replaced. Tables, views and their columns are in docs/tables.md.
    """


@export.command(DATA, cls=Command, goes_on=GOES_ON)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the name of --out; csv without it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write to this file; a new one is readable by you alone. - is standard output.",
)
@click.option(
    "--by",
    multiple=True,
    metavar="DIM",
    shell_complete=dimensions,
    help="Of a metric: split by this; may be given several times.",
)
@click.option(
    "--arm", metavar="EXPERIMENT", shell_complete=known("experiments"), help="Of a metric: for each arm since its draw."
)
@click.option("--epsilon", metavar="E", help="Of a share of people: add noise that costs so much of [privacy] epsilon_budget.")
@click.option("--with-ids", is_flag=True, help="Keep the platforms' ids, by which people can be looked up there. It is logged.")
@period_option
@small_groups_option
@pass_app
def data(
    app: App,
    form: str | None,
    out: Path | None,
    by: tuple[str, ...],
    arm: str | None,
    epsilon: str | None,
    with_ids: bool,
    period: str | None,
) -> None:
    """Write all rows of a table or view, or a metric's numbers, in any format; however many rows, memory stays flat.

    Views are for people and other tools: times ISO 8601 UTC, money decimal. Tables have the store's own integers. With
    --epsilon a metric that is a share of people is given with two-sided geometric noise on both its numbers; of other sums
    `persync export sums` is the command. The ledger in the store's log is that of `persync federate export`.
    """
    from persync.export.formats import BINARY
    from persync.export.run import STDOUT
    from persync.settings import refuse_out
    from persync.settings.forms import EXPORT, format_of

    name: str = click.get_current_context().info_name or ""
    wanted = form or "csv" if out in (None, STDOUT) else format_of(out, form, EXPORT)
    if out is not None and out != STDOUT:
        refuse_out(app.project, out, "--out")
    elif wanted in BINARY and sys.stdout.isatty():
        raise click.UsageError(f"{wanted} is no text: give --out FILE.{wanted}.")
    if name in app.host.metrics:
        if with_ids:
            raise click.UsageError(f"{name} is a metric: there is no id of anybody in it.")
        rows = _metric(app, name, wanted, out, period, by, arm, epsilon)
    else:
        rows = _rows(app, name, wanted, out, period, by, arm, with_ids=with_ids, has_noise=epsilon is not None)
    if out is not None and out != STDOUT:
        app.say(f"{out}: {rows:,} rows.")


@export.command(cls=Command, goes_on=GOES_ON)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the name of --out; csv without it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write to this file; a new one is readable by you alone. - is standard output.",
)
@wish_options(("mail", "money"))
@period_option
@pass_app
def sums(
    app: App,
    form: str | None,
    out: Path | None,
    only: tuple[str, ...],
    measures: tuple[str, ...],
    attributes: tuple[str, ...],
    epsilon: str | None,
    period: str | None,
) -> None:
    """Write the sums of mail and money, over everybody and by group, as `persync federate export` gives them away.

    Cells of fewer people than [report] suppress_n, and always of fewer than 5, are one cell `suppressed`; what is left out of a
    cell stands between bounds. With --epsilon every number has two-sided geometric noise, its standard deviation in the note.
    """
    from persync.export.run import STDOUT
    from persync.jobs.answers.exported import SUMS, sums_of
    from persync.settings import refuse_out
    from persync.settings.forms import EXPORT, format_of

    wanted = form or "csv" if out in (None, STDOUT) else format_of(out, form, EXPORT)
    if out is not None and out != STDOUT:
        refuse_out(app.project, out, "--out")
    made = give(app, only or SUMS, measures, attributes, epsilon, period, "export sums")
    estimates = sums_of(made, app.project.store_path, app.ask())
    for what in made.withheld:
        app.say(f"Left out: {what}.")
    ask = app.ask(period)
    rows = _write_estimates("sums", estimates, ask, wanted, out)
    if out is not None and out != STDOUT:
        app.say(f"{out}: {rows:,} rows.")


@export.command(cls=Command, goes_on=GOES_ON)
@click.argument("name", shell_complete=known("segments"))
@list_options
@pass_app
def segment(app: App, name: str, connection: str, source: Path | None, column: str | None, out: Path | None) -> None:
    """Write the segment NAME as a list that a platform imports. Whoever said no to e-mail anywhere is left out.

    NAME is a rule of [segments.NAME], one of persync's own (`rfm: champions`, `life-cycle: at risk`), or a list, tag or segment
    of a platform (CONNECTION:NAME where several have one). persync keeps no address: HubSpot takes its own record ids; for
    Mailchimp and Shopify give your file of addresses with --list, a platform's export or any CSV. Its addresses are hashed here
    with the store's key, compared and forgotten, and the lines of those who belong to the segment are written.
    """
    from persync.export.people import segment_of

    to = target(app, connection, source, out)
    with app.engine() as engine, app.store() as store:
        chosen, left_out = segment_of(engine, store, name, app.ask())
        if left_out:
            app.say(f"persync: {left_out:,} people of '{inert(name)}' said no to e-mail and are left out.")
        hand_over(app, store, chosen, to, source, column, out, "are in the segment; the other {} are not, or are left out")


@export.command(cls=Command, goes_on=GOES_ON)
@list_options
@pass_app
def suppression(app: App, connection: str, source: Path | None, column: str | None, out: Path | None) -> None:
    """Write those who said no to e-mail at any platform, complained or bounced for good, as a list that another imports.

    The last word for e-mail or for a list counts at each platform, and the most restrictive one wins. An address bounced for
    good when the platform says that it takes no mail, and nothing reached it since. They get the tag or
    property `do not mail`, to be left out of mailings; in Shopify's own file `Accepts Email Marketing` becomes no. Addresses
    are matched as for a segment.
    """
    from persync.export.people import suppressed

    to = target(app, connection, source, out)
    with app.store() as store:
        chosen = suppressed(store)
        hand_over(app, store, chosen, to, source, column, out, "are on it; the other {} are not, or are not known")


class Named(Command):
    """The command that exports what has its name: of an option that it does not have, another command may have been meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        from persync.errors import nearest

        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption:
            hint = nearest(self.name or "", [name for name in export.commands if name != DATA])
            if hint.startswith("Did") and self.name not in ctx.obj.host.metrics:
                raise click.UsageError(f"No such command '{self.name}'. {hint}", ctx) from None
            raise


def _named(name: str) -> click.Command:
    """Return the command that exports what has this name."""
    return Named(name, goes_on=GOES_ON, params=_own(data), callback=data.callback, help=data.help)


def _own(command: click.Command) -> list[click.Parameter]:
    """Return a command's parameters without those that every command is given."""
    return [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]


def _rows(
    app: App,
    name: str,
    form: str,
    out: Path | None,
    period: str | None,
    by: tuple[str, ...],
    arm: str | None,
    *,
    with_ids: bool,
    has_noise: bool,
) -> int:
    from persync.export.formats import write
    from persync.export.run import written
    from persync.export.source import check_name
    from persync.jobs.answers.exported import refuse_split, rows_of
    from persync.plugins import titles_of
    from persync.store.log import IDS_EXPORTED, note
    from persync.store.reading import reading

    path, project = app.project.store_path, app.project
    also = titles_of(app.host.metrics) | dict.fromkeys((command for command in export.commands if command != DATA), "")
    with reading(path) as db:
        check_name(db, name, also)
    if has_noise:
        what = "each row is one person, order or message, so no noise that leaves anything of it would hide anybody."
        raise click.UsageError(f"{name} has rows, and --epsilon is for sums: {what} See `persync export sums --help`.")
    refuse_split(by, arm)
    if with_ids:
        with app.store() as store:
            note(store, IDS_EXPORTED, f"export {name}: the platforms' own ids", now=app.now)
        app.say(
            f"persync: the platforms' own ids are in this file of {name}. Whoever has the platform can look people up by them."
        )
    with reading(path) as db:
        sheet = rows_of(db, project, name, period, also, with_ids=with_ids)
        return written(partial(write, sheet, form), out, form, _stdout())


def _metric(
    app: App,
    name: str,
    form: str,
    out: Path | None,
    period: str | None,
    by: tuple[str, ...],
    arm: str | None,
    epsilon: str | None,
) -> int:
    from persync.jobs.metric import compute, find_metric

    one = find_metric(app.host, name, by)
    if epsilon is not None:
        from persync.export.noisy import refuse

        refuse(one.id, by, arm)
    with app.engine() as engine:
        ask = app.ask(period, by=by, arm=arm)
        estimates = compute(engine, one, ask)
    if epsilon is not None:
        estimates = _with_noise(app, name, estimates, by, epsilon, ask)
    return _write_estimates(name, estimates, ask, form, out)


def _with_noise(
    app: App, name: str, estimates: Sequence[Estimate], by: tuple[str, ...], epsilon: str, ask: Ask
) -> list[Estimate]:
    """Return a share of people with noise, paid for, and say how much."""
    import secrets

    from persync.cli.noise import pay
    from persync.export.noisy import planned
    from persync.privacy.release import amount

    plan = planned(name, estimates, by, amount(epsilon))  # refused before anything is spent
    pay(app, plan.epsilon, plan.parts, f"export {name}")
    app.say(f"Noise in each number of people: a standard deviation of {plan.deviation:,.1f}.")
    return plan.drawn(ask, secrets.randbelow)


def _write_estimates(name: str, estimates: Sequence[Estimate], ask: Ask, form: str, out: Path | None) -> int:
    from persync.export.formats import write
    from persync.export.metric import sheet_of_estimates
    from persync.export.run import written
    from persync.jobs.metric import estimates_json

    def make(sink: BinaryIO) -> int:
        if form == "json":
            sink.write(f"{estimates_json(estimates, ask)}\n".encode())
            return len(estimates)
        return write(sheet_of_estimates(name, estimates, ask.period), form, sink)

    return written(make, out, form, _stdout())


def _stdout() -> BinaryIO:
    return sys.stdout.buffer
