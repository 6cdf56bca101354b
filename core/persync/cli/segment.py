"""`persync segment`."""

from __future__ import annotations

import click

from persync.cli.base import Group, format_option, small_groups_option
from persync.cli.context import App, pass_app
from persync.cli.names import known
from persync.cli.output import show_table
from persync.redact import inert


@click.group(cls=Group)
def segment() -> None:
    """Show the segments: rules of your own, persync's, and the platforms' lists and tags."""


@segment.command("list")
@small_groups_option
@format_option("text", "json")
@pass_app
def list_(app: App, form: str) -> None:
    """List every segment with its people as of now. Fewer than [report] suppress_n are not counted out."""
    from persync.export.segments import segments
    from persync.jobs.answers.segmented import segments_json

    ask = app.ask()
    with app.engine() as engine, app.store() as store:
        found = list(segments(engine, store, ask))
    if form == "json":
        click.echo(segments_json(found))
        return
    rows = [(one.name, one.kind, one.origin, _people(one.people, ask.suppress_n)) for one in found]
    show_table(("segment", "kind", "from", "people"), rows, right=("people",))


@segment.command()
@click.argument("name", shell_complete=known("segments"))
@small_groups_option
@format_option("text", "json")
@pass_app
def show(app: App, name: str, form: str) -> None:
    """Show who belongs to the segment NAME, how many they are, and how many of them may be mailed.

    NAME is one of `persync segment list`; CONNECTION:NAME where several platforms have one.
    """
    from persync.jobs.answers.segmented import segment_json, segment_of

    ask = app.ask()
    with app.engine() as engine, app.store() as store:
        one, how = segment_of(engine, store, name, ask)
    if form == "json":
        click.echo(segment_json(one, how))
        return
    hidden = f"hidden: this or the rest is fewer than {ask.suppress_n}"
    for label, text in (
        ("segment", one.name),
        ("kind", one.kind),
        ("from", one.origin),
        ("rule", one.rule or "the platform's own"),
        ("people", _people(one.people, ask.suppress_n)),
        ("said no to e-mail", hidden if how.refused is None else f"{how.refused:,}"),
        ("may be mailed", hidden if how.mailable is None else f"{how.mailable:,}"),
    ):
        click.echo(f"{label}: {inert(text)}")


def _people(number: int | None, least: int) -> str:
    return f"hidden: fewer than {least}" if number is None else f"{number:,}"
