"""The command line. Nothing but click is imported until a command is called: `persync --help` must be quick."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from persync import __version__
from persync.cli.base import COLORS, Root

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETE = "_PERSYNC_COMPLETE"
"""set by a shell that asks for completions"""

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("setup:init", "Make a project: persync.toml, the store and its key."),
    "connect": ("connect:connect", "Add a connection, put its secret away and try it."),
    "doctor": ("doctor:doctor", "Test settings, secrets, connections and the store."),
    "config": ("config:config", "Show what is set, and where."),
    "status": ("status:status", "Show how far all is read, what is missing and what is next."),
    "pull": ("pull:pull", "Read what is new from your connections."),
    "import": ("imports:import_file", "Read a CSV file of your own, whole or not at all."),
    "tag": ("tag:tag", "Say yourself how personal a campaign is."),
    "store": ("store:store", "Look after the store's file."),
    "verify": ("verify:verify", "Check the store, or print its digest."),
    "attribution": ("attribution:attribution", "Credit orders to touchpoints, by model."),
    "explain": ("explain:explain", "Show how the credit of an order came about."),
    "reconcile": ("reconcile:reconcile", "Hold the store against the vendors' totals and claims."),
    "experiment": ("experiment:experiment", "Plan, draw and read randomised tests and holdouts."),
    "segment": ("segment:segment", "Show the segments: your rules, persync's, the platforms'."),
    "baseline": ("baseline:baseline", "Freeze how things stood before, and look at it."),
    "fairness": ("fairness:fairness", "Assess who is reached and who benefits, by group."),
    "privacy": ("privacy:privacy", "Erase people, or tell them what is stored about them."),
    "lake": ("lake:lake", "Put many stores into one lake, to be read as one."),
    "federate": ("federate:federate", "Give away sums in place of data, and add up those of many stores."),
    "metrics": ("metrics:metrics", "List the metrics, or show how one is defined."),
    "metric": ("metrics:metric", "Compute one metric."),
    "report": ("report:report", "Make the report."),
    "export": ("export:export", "Write tables, views, metrics and lists for other programs."),
    "bi": ("bi:bi", "Set up Datasette, Metabase or Power BI over the views."),
    "serve": ("serve:serve", "Serve the report as live pages to this machine alone."),
    "run": ("jobs:run", "Run a job: pull, check, report, tell."),
    "schedule": ("jobs:schedule", "Make a scheduler run a job, and see when it ran."),
    "notify": ("notify:notify", "Try the ways to tell somebody."),
    "plugins": ("plugins:plugins", "Show the plugins and what they offer."),
    "sandbox": ("sandbox:sandbox", "Serve imitated vendors over a made-up business."),
    "completion": ("completion:completion", "Print what makes a shell complete commands and names."),
    "demo": ("demo:demo", "See it all with a made-up shop: no account, no questions."),
}
"""Each command's place and its line in the help, so that the help loads none of them."""


class Lazy(Root):
    """The root group: it knows its commands by name and loads the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(f"persync.cli.{module}"), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands with their line in the help, so that none is loaded."""
        from click.shell_completion import CompletionItem

        if incomplete and not incomplete[0].isalnum():
            return click.Command.shell_complete(self, ctx, incomplete)
        return [CompletionItem(name, help=short) for name, (_, short) in COMMANDS.items() if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="persync")
@click.option("--project", "folder", type=click.Path(path_type=Path), default=Path(), help="Folder of persync.toml.")
@click.option("--without", multiple=True, metavar="NAME", help="Leave out a plugin.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but results and errors.")
@click.option("--no-input", is_flag=True, help="Never ask a question.")
@click.option(
    "--color", type=click.Choice(COLORS), default="auto", help="auto (on a terminal, unless NO_COLOR is set), always or never."
)
@click.pass_context
def root(ctx: click.Context, folder: Path, without: tuple[str, ...], quiet: bool, no_input: bool, color: str) -> None:
    """Does personalised e-mail pay, for whom, at what cost, and is it fair?

    Reads Mailchimp, HubSpot and Shopify into one SQLite file on this machine and answers from it. The options below may
    also stand after the command.
    """
    from persync.cli.context import App
    from persync.store.private import made_private

    ctx.with_resource(made_private())
    ctx.obj = App(folder, without=without, quiet=quiet, no_input=no_input, color=color)


def main() -> Any:
    """Run the command line; every way out has its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no minus sign or multiplication sign must not end the run.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    if COMPLETE in os.environ:
        from persync.cli.completion import answer

        sys.exit(answer(root))
    from persync.cli.tracebacks import hold_tracebacks

    hold_tracebacks()
    return root(prog_name="persync")
