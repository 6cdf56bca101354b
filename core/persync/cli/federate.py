"""`persync federate`: sums that an agency adds up, while the data stay with its clients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from persync.cli.base import Command, Group, format_option, period_option
from persync.cli.context import App, pass_app
from persync.cli.noise import SETS, give, wish_options
from persync.errors import ConfigError

if TYPE_CHECKING:
    from persync.federate.merge import Merged


@click.group(cls=Group)
def federate() -> None:
    """Give away sums in place of data, and add up those of many stores.

    Each client exports, whoever works for all of them merges: the figures are those of the pooled data, and no key of anybody
    leaves a store. Cells of few people are folded before the export, see docs/privacy.md.
    """


@federate.command("export", cls=Command)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wish_options(SETS)
@period_option
@pass_app
def export_(
    app: App,
    file: Path,
    only: tuple[str, ...],
    measures: tuple[str, ...],
    attributes: tuple[str, ...],
    epsilon: str | None,
    period: str | None,
) -> None:
    """Write the sums of this store to FILE: counts, sums and sums of squares, no key, no address, no order.

    Cells of fewer people than [report] suppress_n, and always of fewer than 5, are one cell `suppressed`. With --epsilon every
    number has two-sided geometric noise; a ledger in the store's log adds up what that cost, and refuses what the budget does
    not reach for. All numbers that one person has a share in split the epsilon; with --measure those alone are given.
    """
    from persync.federate import document
    from persync.settings import refuse_out

    refuse_out(app.project, file, "FILE")
    if not file.parent.is_dir():
        raise ConfigError(f"there is no folder {file.parent}.", hint="Make it first.")
    made = give(app, only, measures, attributes, epsilon, period, "federate export")
    document.write(file, made)
    app.say(f"{file}: {len(made.tables)} tables, {len(made.rates)} rates, {len(made.experiments)} experiments.")
    for what in made.withheld:
        app.say(f"Left out: {what}.")


@federate.command("merge", cls=Command)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the figures here, as JSON.")
@format_option("text", "json")
@pass_app
def merge_(app: App, files: tuple[Path, ...], out: Path | None, form: str) -> None:
    """Add up the exports FILES of many stores.

    A number is that of the pooled data, or stands between two bounds where a store folded its cell. They must be of one period,
    basis and time zone, and of different stores.
    """
    import json

    from persync import __version__
    from persync.cli.output import iso, show_json
    from persync.federate import document
    from persync.federate.merge import as_estimate, merge
    from persync.jobs.report import write_text
    from persync.redact import inert_json
    from persync.settings import refuse_out

    if out is not None:
        refuse_out(app.project, out, "--out")
    exports = [document.read(file) for file in files]
    merged = merge(exports, [file.name for file in files], app.ask())
    results = [one.as_json() for one in (*map(as_estimate, merged.sums), *merged.estimates)]
    period = merged.exports[0].period
    if out is not None:
        body: dict[str, Any] = {
            "persync": __version__,
            "kind": "federated",
            "period": [iso(period[0]), iso(period[1])] if period else None,
            "results": results,
            "stores": len(exports),
            "notes": merged.notes,
        }
        write_text(out, inert_json(json.dumps(body, indent=2, ensure_ascii=False)) + "\n")
        app.say(f"{out}: {len(results)} figures of {len(exports)} stores.")
        return
    if form == "json":
        show_json("federated", results, period=period, stores=len(exports), notes=list(merged.notes))
        return
    _show(app, merged)


def _show(app: App, merged: Merged) -> None:
    from persync.cli.output import show_table
    from persync.federate.merge import as_estimate
    from persync.report import words

    rows = []
    for one in merged.sums:
        made = as_estimate(one)
        if made.value is not None:
            text = words.value(made)
        else:
            low, high = (words.value(made.__class__(made.id, end, unit=made.unit)) for end in (made.low, made.high or 0))
            text = f"at least {low}" if made.high is None else f"{low} to {high}"
        rows.append((one.measure, one.currency, one.attribute, one.group or "everybody", text, made.note))
    show_table(("measure", "currency", "attribute", "group", "sum", "note"), rows, right=("sum",))
    if merged.estimates:
        from persync.cli.output import show_estimates

        click.echo()
        show_estimates(merged.estimates, "text", app.ask())
    for note in merged.notes:
        click.echo(note)
