"""`persync reconcile`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from persync.cli.base import Command, format_option, period_option
from persync.cli.context import App, pass_app
from persync.cli.names import known
from persync.cli.output import show_table

if TYPE_CHECKING:
    from persync.connect.totals import Compared
    from persync.errors import DataError, PersyncError
    from persync.estimate import Estimate
    from persync.jobs.reconciling import Held


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=known("connections"))
@click.option("--offline", is_flag=True, help="Ask no vendor: only each platform's claim against the till.")
@click.option("--tolerance", type=click.FloatRange(min=0), metavar="SHARE", help="What is no gap: 0.02 is 2 %.")
@period_option
@format_option("text", "json")
@pass_app
def reconcile(app: App, names: tuple[str, ...], offline: bool, tolerance: float | None, period: str | None, form: str) -> None:
    """Hold the store against the vendors' own totals and, without NAME, each platform's claim against the till.

    The vendors are asked for their counts and sums as they are now; beside each stands what the store holds. A difference
    beyond the tolerance is a gap: exit code 6, with what to do. The second part needs no network: what the shop says, what
    the ledger holds and what each platform claims of the orders in the period, and the over-claim ratio. Either part is shown
    without the other. A refused sign-in comes first: exit code 4. A vendor that cannot be reached or was never pulled is
    said; it is an error only when it was named, or when there is nothing else to show.
    """
    from persync.errors import AuthError, ConfigError
    from persync.jobs.answers.reconciled import reconciled_json
    from persync.jobs.reconciling import reconcile_project

    if offline and (names or tolerance is not None):
        raise ConfigError("--offline asks no vendor, so there is none to NAME and no --tolerance.")
    asks = bool(names or app.project.names) and not offline
    if asks and not app.project.store_path.exists():
        # Before the first pull a refused sign-in is what keeps it from happening: that is said, not that there is no store.
        refused = [one for one in reconcile_project(app.host, app.project, names) if isinstance(one.error, AuthError)]
        if refused:
            raise click.exceptions.Exit(_tell(refused, names=bool(names)))
    with app.store():
        pass  # says it best when there is none
    held = reconcile_project(app.host, app.project, names, tolerance=tolerance) if asks else []
    compared = [one for part in held for one in part.compared]
    estimates, asked, problem = _claims(app, period) if not names else ([], None, None)
    if form == "json":
        errors = [str(error) for error in _errors(held)] + ([str(problem)] if problem is not None and not compared else [])
        click.echo(reconciled_json(compared, estimates, asked.period if asked is not None else None, errors))
    else:
        _show(compared)
        if compared and estimates:
            click.echo()
        if asked is not None and estimates:
            from persync.cli.output import show_estimates

            show_estimates(estimates, form, asked)
    code = _tell(held, names=bool(names))
    if problem is not None:
        if compared:
            app.say(f"persync: {problem}")
        else:
            click.echo(f"persync: {problem}", err=True)
            code = code or problem.exit_code
    if code:
        raise click.exceptions.Exit(code)


def _claims(app: App, period: str | None) -> tuple[list[Estimate], Any, DataError | None]:
    """Return the claims against the till, the question, and why there are none."""
    from persync.errors import DataError
    from persync.jobs.answers.reconciled import claims

    with app.engine() as engine:
        ask = app.ask(period)
        try:
            return claims(engine, ask, tell=app.note), ask, None
        except DataError as error:
            return [], ask, error


def _show(compared: list[Compared]) -> None:
    if not compared:
        return
    rows = [
        (
            one.connection,
            one.total.name,
            one.total.scope,
            _amount(one, one.total.value),
            _amount(one, one.stored),
            _amount(one, one.difference, signed=True),
            one.verdict,
        )
        for one in compared
    ]
    headers = ("connection", "what", "scope", "vendor's", "stored", "difference", "verdict")
    show_table(headers, rows, right=("vendor's", "stored", "difference"))


def _amount(one: Compared, value: int | None, *, signed: bool = False) -> str:
    if value is None:
        return ""
    if one.total.currency is None:
        return f"{value:+,}" if signed and value else f"{value:,}"
    from persync.money import from_minor

    major = from_minor(value, one.total.currency)
    return f"{f'{major:+,}' if signed and value else f'{major:,}'} {one.total.currency}"


def _errors(held: list[Held]) -> list[PersyncError]:
    """Return what could not be asked for: refused sign-ins first, for nothing is known of those connections."""
    from persync.errors import AuthError

    errors = [part.error for part in held if part.error is not None]
    return sorted(errors, key=lambda error: not isinstance(error, AuthError))


def _tell(held: list[Held], *, names: bool) -> int:
    """Say on stderr what could not be asked for and where the gaps are; return the exit code."""
    from persync.errors import EXIT_AUTH, EXIT_CHECK, DataError, SkipStreamError, UnreachableError

    codes = []
    for error in _errors(held):
        click.echo(f"persync: {error}", err=True)
        if names or not isinstance(error, UnreachableError | DataError | SkipStreamError):
            codes.append(error.exit_code)
    gaps = [one for part in held for one in part.compared if one.verdict == "gap"]
    for hint in dict.fromkeys((one.connection, one.total.name, one.total.hint) for one in gaps):
        click.echo(f"persync: {hint[0]}: {hint[1]} differ beyond the tolerance. {hint[2]}".rstrip(), err=True)
    if codes[:1] == [EXIT_AUTH]:
        return EXIT_AUTH
    return EXIT_CHECK if gaps else codes[0] if codes else 0
