"""What all commands share: the root's options after the command, and the one place where errors become exit codes."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from persync.errors import EXIT_ERROR, EXIT_PIPE, SIGNALLED, PersyncError, nearest, raised_in
from persync.redact import redacted

if TYPE_CHECKING:
    from persync.cli.context import App

F = TypeVar("F", bound=Callable[..., Any])
DEBUG = "PERSYNC_DEBUG"
COLORS = ("auto", "always", "never")
GOES_ON = "persync.goes_on"
"""where a command that is interrupted leaves word of how to go on"""


class WithExamples(click.Command):
    """Shows how it is called at the end of its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are typed: none is wrapped."""
        from persync.cli.examples import examples_of

        examples = examples_of(ctx.command_path.partition(" ")[2])
        if examples:
            with formatter.section("Examples"):
                for line in examples:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")
        super().format_epilog(ctx, formatter)


class Command(WithExamples):
    """A command that takes the root's options too, so that they may stand before or after its name.

    `goes_on` says what becomes of the work, and how to go on, when somebody interrupts it.
    """

    def __init__(self, *args: Any, goes_on: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.goes_on = goes_on
        self.params += _shared_options()

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            ctx.meta[GOES_ON] = self.goes_on
            raise


class Suggesting(WithExamples, click.Group):
    """Names the nearest of its commands for one that there is not."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first word names. Raise UsageError with the nearest where it names none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = nearest(args[0], self.list_commands(ctx))
            if hint.startswith("Did") and not getattr(error, "possibilities", None):  # click 8.4 may say so itself
                vars(error)["message"] = f"{error.message} {hint}"
            raise


class Group(Suggesting):
    """A group of commands."""

    command_class = Command


class AskedGroup(Group):
    """A group that is a command of its own when none of its commands is named; it takes the root's options too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _shared_options()


class Root(Suggesting):
    """The root: turns what went wrong into one line on stderr and an exit code, once."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*args, **more)
        except OSError as error:  # its own help had nobody to read it
            if error.errno != errno.EPIPE:
                raise
            _hush()
            raise click.exceptions.Exit(EXIT_PIPE) from None

    def invoke(self, ctx: click.Context) -> Any:
        from persync.cli.logs import start

        start(debug=bool(os.environ.get(DEBUG)))
        try:
            return super().invoke(ctx)
        except PersyncError as error:
            click.echo(f"persync: {error}", err=True)
            code = error.exit_code
        except (KeyboardInterrupt, click.Abort) as stop:
            goes_on = ctx.meta.get(GOES_ON) or "what was committed is kept."
            if sys.stderr.isatty():
                click.echo(err=True)  # the ^C of the terminal stands on the line
            click.echo(f"persync: interrupted; {goes_on}", err=True)
            code = SIGNALLED + (stop.args[0] if stop.args else signal.SIGINT)
        except click.ClickException as error:
            # It may quote what was typed: an address in the wrong place, a token.
            vars(error)["message"] = redacted(error.message)
            raise
        except click.exceptions.Exit:
            raise
        except OSError as error:
            if error.errno == errno.EPIPE:
                _hush()
                raise click.exceptions.Exit(EXIT_PIPE) from None
            name = f"{error.filename}: " if error.filename else ""
            click.echo(redacted(f"persync: {name}{error.strerror or type(error).__name__}."), err=True)
            code = EXIT_ERROR
        except Exception as error:
            click.echo(f"persync: {_unexpected(error, ctx.obj)}", err=True)
            code = EXIT_ERROR
        finally:
            if ctx.obj is not None:
                ctx.obj.tell_failures()
        raise click.exceptions.Exit(code)


def unheard(tell: Callable[..., object], *words: Any, **more: Any) -> None:
    """Have something told, to nobody where nobody can hear it: what is told there does not end what it is told about."""
    try:
        tell(*words, **more)
    except OSError:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                _hush(stream)


def _hush(*streams: TextIO) -> None:
    """Send what is still to be written nowhere: its reader is gone, and Python would complain of that at its very end."""
    with suppress(OSError, ValueError):  # ValueError: a stream of no file
        for stream in streams or (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _unexpected(error: Exception, app: App | None) -> str:
    """Name a fault of persync's own, or of a plugin, by its type and place; its message may quote data or secrets."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    if os.environ.get(DEBUG):
        for frame in frames:
            click.echo(f"  {frame.filename}:{frame.lineno} in {frame.name}", err=True)
    for plugin in app.strangers() if app is not None else ():
        if place := raised_in(error, plugin.module.__name__):
            hint = f"Update it, or go on without it: --without {plugin.name}."
            return f"the plugin {plugin} failed: {type(error).__name__} at {place}. {hint}"
    last = frames[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    hint = "" if os.environ.get(DEBUG) else f" Set {DEBUG}=1 to see the way there."
    return f"a fault in persync: {type(error).__name__} at {place}. Nothing half-done was kept.{hint}"


def put(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Return what hands an option's value, where one is given, to the call of the command line."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value and ctx.obj is not None:
            ctx.obj.change(attribute, value)
        elif value and ctx.resilient_parsing:
            ctx.meta[f"persync.{attribute}"] = value  # a shell completes a line: see persync.cli.names

    return callback


def _shared_options() -> list[click.Parameter]:
    return [
        click.Option(["--project"], type=click.Path(path_type=Path), expose_value=False, hidden=True, callback=put("folder")),
        click.Option(["--without"], multiple=True, expose_value=False, hidden=True, callback=put("without")),
        click.Option(["--quiet", "-q"], is_flag=True, expose_value=False, hidden=True, callback=put("quiet")),
        click.Option(["--no-input"], is_flag=True, expose_value=False, hidden=True, callback=put("no_input")),
        click.Option(["--color"], type=click.Choice(COLORS), expose_value=False, hidden=True, callback=put("color")),
    ]


def format_option(*formats: str) -> Callable[[F], F]:
    """Add `--format`; the first is the default."""
    return click.option("--format", "form", type=click.Choice(formats), default=formats[0], show_default=True)


period_option = click.option(
    "--period", metavar="A..B", help="Days, both included, in the shop's time zone; or a month or year."
)


small_groups_option = click.option(
    "--show-small-groups",
    is_flag=True,
    expose_value=False,
    callback=put("small_groups"),
    help="Hide no group, however few its people. Written in the answer and in the store's log.",
)


def engine_options(command: F) -> F:
    """Add the options that choose an engine and what it reads: `app.engine()` opens what they say."""
    options = (
        click.option(
            "--engine",
            metavar="E",
            default="duckdb",
            show_default=True,
            expose_value=False,
            callback=put("engine_name"),
            help="What computes: duckdb, in this process, or spark.",
        ),
        click.option(
            "--master",
            metavar="URL",
            expose_value=False,
            callback=put("master"),
            help="Where Spark works: local[2] (default), spark://HOST:7077, yarn, k8s://...",
        ),
        click.option(
            "--lake",
            metavar="PATH_OR_URL",
            expose_value=False,
            callback=put("lake"),
            help="Read the stores of this lake, all together, in place of the project's own.",
        ),
        click.option(
            "--store",
            metavar="NAME",
            multiple=True,
            expose_value=False,
            callback=put("stores"),
            help="Of the lake, this store alone; may be given several times.",
        ),
    )
    return decorated(command, options)


def decorated(command: F, options: Sequence[Callable[[F], F]]) -> F:
    """Return a command with options, which its help shows in this order."""
    for option in reversed(options):
        command = option(command)
    return command
