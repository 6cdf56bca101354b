"""`persync privacy`: what people may ask about their data."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from persync.cli.base import Group, format_option
from persync.cli.context import App, pass_app
from persync.cli.privacy_clean import clean
from persync.errors import AuthError, CheckFailedError, ConfigError, PersyncError
from persync.redact import inert_json

if TYPE_CHECKING:
    from persync.privacy.compliance import Payload
    from persync.privacy.requests import Outcome, Request

F = TypeVar("F", bound=Callable[..., Any])

TOPICS = ("customers/data_request", "customers/redact", "shop/redact")


@click.group(cls=Group)
def privacy() -> None:
    """Erase people, tell them what is stored, drop what is too old, look for gaps, and apply what Shopify asks of its apps."""


_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
_wait = click.option(
    "--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait for a pull that is under way."
)


def _who(function: F) -> F:
    """Add the ways to name somebody."""
    options = (
        click.option("--email", metavar="ADDRESS", help="Their address. It stays in your shell's history: prefer --stdin."),
        click.option("--id", "ids", multiple=True, metavar="CONNECTION:ID", help="A platform's id, or one of your own files."),
        click.option(
            "--stdin", "from_stdin", is_flag=True, help="Read addresses or ids from standard input, one person a line."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@privacy.command("erase")
@_who
@_dry_run
@_wait
@format_option("text", "json")
@pass_app
def erase(app: App, email: str | None, ids: tuple[str, ...], from_stdin: bool, dry_run: bool, wait: float, form: str) -> None:
    """Remove a person from the store and its mirror, under every key they are known by.

    --email and --id together name one person. Without any of them you are asked, and nothing is shown. Their orders stay as
    the shop's own, without a person. Erase them at the platforms first: persync cannot, and keeps them out from then on.
    """
    from persync.privacy.requests import erase_people

    requests = _requests(app, email, ids, from_stdin)
    _show(app, erase_people(app.project, requests, now=app.now, wait=wait, dry_run=dry_run), form, dry_run)


@privacy.command("export-subject")
@_who
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write here, readable by you alone.")
@pass_app
def export_subject(app: App, email: str | None, ids: tuple[str, ...], from_stdin: bool, out: Path | None) -> None:
    """Print all that the store holds about a person, as JSON: theirs alone, in words and decimals."""
    from persync.privacy.requests import data_of

    _refuse(app, out)
    exports = [data_of(app.project, [request]) for request in _requests(app, email, ids, from_stdin)]
    _write_exports(exports, out)
    if unknown := sum(not found for found in exports):
        app.say(f"persync: the store holds nothing of {unknown} of {len(exports)} named.")


@privacy.command("retention")
@click.option("--apply", "apply_it", is_flag=True, help="Remove it. Without this only say what would go.")
@_wait
@format_option("text", "json")
@pass_app
def retention(app: App, apply_it: bool, wait: float, form: str) -> None:
    """Say what is older than [privacy.retention] in persync.toml allows; with --apply remove it.

    Touches stay as counts of their campaigns, orders and money stay whole. A later pull does not bring back what went;
    somebody who went for being inactive is known again with the next thing that they do.
    """
    from persync.cli.output import iso, show_json, show_table
    from persync.privacy.requests import retain_project

    kept, outcome = retain_project(app.project, now=app.now, wait=wait, apply=apply_it)
    if form == "json":
        results = (
            {"kind": one.kind, "months": one.months, "before": iso(one.floor), "rows": one.rows, "undated": one.undated}
            for one in kept
        )
        left = [path.name for path in outcome.copies]
        show_json(
            "retention", results, applied=apply_it, complete=outcome.complete, not_touched=left, lakes=list(outcome.lakes)
        )
    else:
        rows = [
            (
                one.kind,
                f"{one.months}",
                iso(one.floor)[:10],
                f"{one.rows:,}",
                f"{one.undated:,} without any date stay" if one.undated else "",
            )
            for one in kept
        ]
        headers = ("kind", "months", "before", "removed" if apply_it else "would go", "note")
        show_table(headers, rows, right=("months", "removed", "would go"))
        if not apply_it:
            click.echo("Nothing was removed. Say --apply to remove it.")
    tell_rest(app, outcome)


@privacy.command("audit")
@click.option(
    "--regime", "regimes", multiple=True, metavar="R", help="gdpr, ccpa, hipaa, casl or pecr; may be given several times."
)
@format_option("text", "json")
@pass_app
def audit_(app: App, regimes: tuple[str, ...], form: str) -> None:
    """Go through a checklist by regime: what the store shows, and your own answers in [privacy.answers].

    Each item is yes, no or unknown, with what that rests on; only what the store cannot know is asked. Without --regime those
    of [privacy] regimes are asked, else all but hipaa. It is no legal advice.
    """
    from persync.cli.output import show_table
    from persync.jobs.answers.checked import audited_json
    from persync.privacy.audit import NO_ADVICE, REGIMES, audit, score

    with app.store() as store:
        found = audit(store, app.project, now=app.now, regimes=regimes, engine=app.engine)
    if form == "json":
        click.echo(audited_json(found))
        return
    counts = score(found)
    rows = [(REGIMES[one.regime][0], one.result, one.text, one.evidence, one.owner) for one in found]
    show_table(("regime", "result", "item", "evidence", "owner"), rows)
    click.echo(f"{counts['yes']} yes, {counts['no']} no, {counts['unknown']} unknown. {NO_ADVICE}")


@privacy.command("apply")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--topic", type=click.Choice(TOPICS), help="What the messages ask, where they do not say it themselves.")
@click.option("--hmac", "header", metavar="VALUE", help="X-Shopify-Hmac-SHA256 of the file's one message, to be checked.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write what is stored about people here.")
@click.option("--yes", is_flag=True, help="Do not ask before a whole shop is removed.")
@_dry_run
@_wait
@pass_app
def apply(
    app: App, file: Path, topic: str | None, header: str | None, out: Path | None, yes: bool, dry_run: bool, wait: float
) -> None:
    """Apply a FILE (- for standard input) of Shopify's messages about people's data.

    customers/data_request prints what is stored about a customer, customers/redact erases them, shop/redact removes all that
    the shop's connection brought. FILE is one message, a list, JSON lines, or an object that maps topics to messages. Nothing
    is done unless every message can be read and is about a shop of yours.
    """
    from persync.privacy.compliance import DATA_REQUEST, SHOP_REDACT, read_payloads
    from persync.privacy.requests import Request, data_of, empty_connection, erase_people

    _refuse(app, out)
    body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    payloads = read_payloads(body, file.name, topic)
    connections = _connections(app, payloads)
    _check(app, body, header, set(connections))
    shops = sorted({name for name, payload in zip(connections, payloads, strict=True) if payload.topic == SHOP_REDACT})
    if shops and not dry_run:
        _confirm(app, shops, yes)
    exports = []
    for name, payload in zip(connections, payloads, strict=True):
        if payload.topic == SHOP_REDACT:
            _tell(app, empty_connection(app.project, name, now=app.now, wait=wait, dry_run=dry_run), dry_run, what=name)
            continue
        request = Request(payload.person(name), payload.orders, name if payload.orders else "")
        if payload.topic == DATA_REQUEST:
            exports.append(data_of(app.project, [request]))
        else:
            _tell(app, erase_people(app.project, [request], now=app.now, wait=wait, dry_run=dry_run), dry_run)
    if exports:
        _write_exports(exports, out)


def _requests(app: App, email: str | None, ids: tuple[str, ...], from_stdin: bool) -> list[Request]:
    """Return who is named: by options (one person), by lines of standard input, or by an answer."""
    from persync.imports.known import connections_in
    from persync.imports.values import person
    from persync.privacy.requests import Request
    from persync.rows import Person

    known = connections_in(app.project.store_path) | set(app.project.names)

    def read(text: str, where: str) -> Person:
        if text.strip() in known:
            what = f"'{text.strip()}' is a connection, and nobody's id."
            raise ConfigError(what, where=where, hint=f"Write {text.strip()}:ID (CONNECTION:ID).")
        try:
            return person(text.strip(), known)
        except ValueError as error:
            raise ConfigError(str(error), where=where) from None

    if email is not None and "@" not in email:
        raise ConfigError("this is no address.", where="--email", hint="Name a platform's id with --id CONNECTION:ID.")
    named = [*([read(email, "--email")] if email is not None else []), *(read(text, "--id") for text in ids)]
    if from_stdin:
        if named:
            raise ConfigError("--stdin stands alone.", hint="Write every key on a line of standard input.")
        lines = [(number, line) for number, line in enumerate(sys.stdin, 1) if line.strip()]
        if not lines:
            raise ConfigError("standard input names nobody.")
        return [Request(read(line, f"line {number}")) for number, line in lines]
    if not named:
        if not app.may_ask:
            raise ConfigError("nobody is named.", hint="Use --stdin, --email ADDRESS or --id CONNECTION:ID.")
        named = [read(str(click.prompt("Address or CONNECTION:ID (not shown)", hide_input=True, err=True)), "answer")]
    one: Person = Person(*(pair for keys in named for pair in keys))
    return [Request(one)]


def _connections(app: App, payloads: list[Payload]) -> list[str]:
    """Return the connection that each message is about; a shop that none reads is refused."""
    from persync.privacy.compliance import connection_of

    with app.store() as store:
        stored = dict(store.db.execute("SELECT name, shop FROM connections WHERE shop IS NOT NULL"))
    settings = {name: str(getattr(one, "shop", "") or "") for name, one in app.project.connections.items()}
    found = []
    for payload in payloads:
        names = list(connection_of(payload.shop, stored, settings, app.project.aliases))
        if len(names) != 1:
            what = f"{len(names)} connections read" if names else "no connection reads"
            raise CheckFailedError(
                f"{what} the shop {payload.shop}; nothing was done.",
                hint="Each message must be about one shop of this project; see `persync status`.",
            )
        found += names
    return found


def _check(app: App, body: bytes, header: str | None, connections: set[str]) -> None:
    """Hold the file against the HMAC it came with."""
    from persync.privacy.compliance import is_authentic
    from persync.settings import find_secrets

    if header is None:
        app.say("The file's origin was not checked: give --hmac with the header it came with.")
        return
    name = min(connections)
    secret = find_secrets(app.project, app.host, name).get("client_secret") if len(connections) == 1 else None
    if secret is None:
        raise AuthError("no client secret found to check the HMAC with; nothing was done.", where=name)
    if not is_authentic(body, header, secret.value):
        raise CheckFailedError(
            "the HMAC does not fit the file; nothing was done.",
            where=name,
            hint="The file must be the message's raw body, byte for byte.",
        )


def _confirm(app: App, shops: list[str], yes: bool) -> None:
    if yes:
        return
    what = f"Remove everything that {', '.join(shops)} brought: people, messages, orders and money?"
    if not app.may_ask:
        raise ConfigError("a whole shop would be removed; nothing was done.", hint="Say --yes, or look with --dry-run.")
    if not click.confirm(what, err=True):
        raise PersyncError("nothing was done.")


def _sentence(outcome: Outcome, dry_run: bool, what: str) -> str:
    """Say what was done, in numbers alone."""
    done = outcome.erased
    if not done.changed:
        text = f"{what}: nothing is stored." if what else "Nothing is stored about them."
        return text if what or dry_run else f"{text} New tombstones that keep them out: {done.tombstones}."
    verb = "Would be removed" if dry_run else "Removed"
    text = f"{f'{what}: ' if what else ''}{verb}: {done.people:,} {'person' if done.people == 1 else 'people'}"
    text += f", rows: {sum(done.rows.values()):,} in {len(done.rows)} tables."
    return text if what else f"{text} Orders that stay without a person: {done.orders:,}. New tombstones: {done.tombstones}."


def _tell(app: App, outcome: Outcome, dry_run: bool, *, what: str = "", sentence: bool = True) -> None:
    """Tell on stderr what was done, and what was not."""
    if sentence:
        app.say(_sentence(outcome, dry_run, what))
    if outcome.erased.apart:
        app.say(
            f"{outcome.erased.apart} more keys hang together with theirs, too many to be one person: they were not touched."
            " Name those that are theirs."
        )
    tell_rest(app, outcome)


def tell_rest(app: App, outcome: Outcome) -> None:
    """Tell on stderr what could not be finished, and which copies of the store were not touched."""
    if not outcome.complete:
        app.say(
            "Another program has the store open: its file may hold old bytes until the next report or erasure. Close it and run"
            " this again."
        )
    for path in outcome.copies:
        app.say(f"Not touched: {path.name}, the store as it was before an upgrade. Delete it when you no longer need it.")
    for lake in outcome.lakes:
        app.say(
            f"Not reached: the lake {lake}, which has a copy of this store. When it is there again, run"
            f" `persync lake add {app.project.folder} --lake {lake}`."
        )


def _show(app: App, outcome: Outcome, form: str, dry_run: bool) -> None:
    from persync.cli.output import show_json

    _tell(app, outcome, dry_run, sentence=False)
    if form == "text":
        click.echo(_sentence(outcome, dry_run, ""))
        return
    done = outcome.erased
    result = {
        "people": done.people,
        "rows": dict(sorted(done.rows.items())),
        "orders_kept": done.orders,
        "tombstones": done.tombstones,
        "not_touched": {"keys": done.apart, "copies": [path.name for path in outcome.copies], "lakes": list(outcome.lakes)},
        "complete": outcome.complete,
        "dry_run": dry_run,
    }
    show_json("erasure", [result])


def _refuse(app: App, out: Path | None) -> None:
    """Raise ConfigError, before anything is done, for a file that is the project's own."""
    from persync.settings import refuse_out

    if out is not None:
        refuse_out(app.project, out, "--out")


def _write_exports(exports: list[dict[str, list[dict[str, Any]]]], out: Path | None) -> None:
    """Print the exports, or put them into a file that its owner alone may read."""
    import json

    from persync import __version__

    document = {"persync": __version__, "kind": "subject_data", "period": None, "results": exports}
    text = inert_json(json.dumps(document, indent=2, ensure_ascii=False))
    if out is None:
        click.echo(text)
        return
    from persync.store import private

    try:
        private.replace(out, f"{text}\n".encode())
    except OSError as error:
        raise PersyncError(f"cannot write the file: {error.strerror}.", where=str(out), hint="Choose another place.") from None


privacy.add_command(clean)
