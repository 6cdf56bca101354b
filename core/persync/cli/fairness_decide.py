"""`persync fairness decide` and `persync fairness decisions`: what a person chose to do, written down and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from persync.cli.base import Command, format_option
from persync.cli.context import App, pass_app
from persync.cli.names import known
from persync.cli.output import iso, show_table
from persync.redact import inert

if TYPE_CHECKING:
    from persync.engine.engine import Engine

METHODS = ("group_thresholds", "exploration_floor", "reweighing", "drop_proxy", "generic_mail", "as_decided")
"""of persync.measure.fairness.mitigation.methods, which the help must not import"""
SCORES = ("engagement", "churn", "value")
"""of persync.measure.fairness.own, which the help must not import"""
MOST_WORDS = 500
"""the longest reason that is logged"""


@click.command(cls=Command)
@click.argument("method", metavar=f"[{'|'.join(METHODS)}]")
@click.option("--decision", metavar="NAME", help="The imported decision that this is about.")
@click.option("--message", metavar="TITLE", help="Or the message.")
@click.option("--segment", metavar="NAME", help="Or persync's own segment.")
@click.option("--score", type=click.Choice(SCORES), help="Or persync's own score.")
@click.option(
    "--by",
    "attribute",
    required=True,
    metavar="ATTR",
    shell_complete=known("attributes"),
    help="The attribute it was assessed by.",
)
@click.option("--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True)
@click.option("--because", required=True, metavar="WORDS", help="Why; nothing personal.")
@pass_app
def decide(
    app: App,
    method: str,
    decision: str | None,
    message: str | None,
    segment: str | None,
    score: str | None,
    attribute: str,
    strength: float,
    because: str,
) -> None:
    """Write into the store's log what a person decided to do; as_decided: to leave it as it is. Nothing else is changed."""
    from persync.errors import ConfigError
    from persync.measure.fairness.own import Own, check_segment
    from persync.plugins import find
    from persync.redact import redacted
    from persync.store.chosen import Choice, note

    if sum(one is not None for one in (decision, message, segment, score)) != 1:
        raise click.UsageError("name one of --decision, --message, --segment and --score.")
    words = " ".join(inert(redacted(because)).split())
    if not words or len(words) > MOST_WORDS:
        raise ConfigError(f"--because takes 1 to {MOST_WORDS} signs.")
    find("mitigation", method, dict.fromkeys(METHODS))
    with app.engine() as engine:
        _check(engine, decision, message, attribute)
    if segment is not None:
        check_segment(segment, app.ask())
        decision = Own(segment).title
    elif score is not None:
        decision = Own(score, 0.0).title
    # To leave it as it is has no strength.
    chosen = Choice(method, 0.0 if method == "as_decided" else strength, decision or "", message or "", attribute, words)
    with app.store() as store:
        note(store, chosen, now=app.now)
    app.say(f"persync: noted in the log: {chosen.words}. `persync fairness decisions` shows it.")


@click.command(cls=Command)
@format_option("text", "json")
@pass_app
def decisions(app: App, form: str) -> None:
    """Show what was decided about unfair decisions, when and why, as the store's log has it."""
    from persync.jobs.answers.fair import decisions_json
    from persync.store.chosen import noted

    with app.store() as store:
        if form == "json":
            click.echo(decisions_json(store))
            return
        found = list(noted(store))
    if not found:
        app.say("persync: nothing was decided yet; see `persync fairness decide`.")
        return
    headers = ("at", "method", "strength", "decision", "message", "by", "because")
    show_table(
        headers,
        [[iso(at), one.method, f"{one.strength:g}", one.decision, one.message, one.by, one.because] for at, one in found],
        right=("strength",),
    )


def _check(engine: Engine, decision: str | None, message: str | None, attribute: str) -> None:
    from persync.errors import ConfigError
    from persync.measure import attributes
    from persync.measure.fairness import bases
    from persync.measure.fairness.decisions import names
    from persync.measure.fairness.mitigation.suggest import titles
    from persync.plugins import find

    if decision is not None:
        find("decision", decision, dict.fromkeys(names(engine)), "The store holds no decision.")
    if message is not None:
        known = dict.fromkeys(title for _, title in titles(engine))
        find("message", message, known, "The store holds no message.")
    find("attribute", attribute, attributes.values(engine), "The store holds no attribute.")
    attributes.refuse(engine, [attribute])
    if bases.unstated(engine, [attribute]):
        text = f"'{attribute}' is held without a stated basis: nobody was assessed by it."
        raise ConfigError(text, hint=attributes.HOW)
