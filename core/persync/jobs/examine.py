"""Looking at everything a project stands on: settings, plugins, store, key, secrets, connections and each of their streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from persync.errors import RAISED, CheckFailedError, PersyncError, PluginError, SkipStreamError, raised_in
from persync.redact import redacted

if TYPE_CHECKING:
    from persync.connect.connector import Connector
    from persync.connect.known import Coverage, Known
    from persync.connect.probe import Probe
    from persync.connect.stream import Stream
    from persync.plugins import Host
    from persync.settings import Project
    from persync.store.store import Store

State = Literal["ok", "warn", "fail", "not probed"]

AT_ONCE = 4
"""connections looked at side by side"""
TRIES = 2
"""somebody is waiting: one more try is enough to tell a hiccup from a fault"""
MOST_SKEW_S = 120.0
"""windows overlap by more than this; beyond it, what changed last may be missed for a pull"""
SOON_DAYS = 90
VERSION = "API version"
UNKNOWN_VERSION = (
    "Take api_version out of persync.toml: persync then asks for the version it is written for. Or update persync."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `fix` says what to do about a `warn` or `fail`."""

    where: str
    what: str
    found: str
    state: State = "ok"
    fix: str = ""
    error: PersyncError | None = None
    stream: str | None = None
    """the stream that was asked, where it is about one"""


def worst(findings: Iterable[Finding]) -> int:
    """Return the exit code of the first failure, 0 without one."""
    return next((one.error.exit_code for one in findings if one.state == "fail" and one.error is not None), 0)


def examine(
    host: Host,
    folder: Path,
    project: Callable[[], Project],
    *,
    now: int,
    is_offline: bool = False,
    opened: Callable[[Path], AbstractContextManager[Store]] | None = None,
) -> Iterator[Finding]:
    """Look at everything; what is wrong is a finding, not an exception. `project` loads the settings of `folder`.

    With `is_offline` no vendor is asked. `opened` opens the store where it must not be brought up to this release.
    """
    from persync.jobs.names import known_parts
    from persync.jobs.schedule.plan import can_hold
    from persync.settings import FILE

    path = str(folder / FILE)
    try:
        loaded = project()
    except PersyncError as error:
        yield failed("settings", path, error)
        return
    yield Finding("settings", path, f"{len(loaded.names)} connections" if loaded.has_file else "not there: defaults")
    for name, job in loaded.jobs.items():
        for unknown in known_parts(host, loaded, name, job)[1]:
            yield failed("settings", f"job {name}", unknown)
        if not can_hold(name):
            unfit = "its name is one that not every scheduler can hold"
            yield Finding("settings", f"job {name}", unfit, "warn", "`persync schedule` refuses it: rename it.")
    for name, broken in loaded.broken_channels.items():
        yield failed("settings", f"notify.{name}", broken)
    yield from _outgoing(loaded, host)
    for failure in host.failures_so_far:
        yield failed("plugins", failure.name, PersyncError(str(failure), hint=failure.remedy))
    yield from _store(loaded.store_path, opened)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for found in pool.map(lambda name: _connection(host, loaded, name, now, is_offline=is_offline), loaded.names):
            yield from found


def _outgoing(project: Project, host: Host) -> Iterator[Finding]:
    """Look for the secrets of the channels and of the dead-man switches; nothing is sent."""
    from persync import secrets

    # A channel without settings has nothing but its secret; one with settings may do without, unless its notifier says.
    wanted = [
        (f"notify.{channel.name}", word, env, channel.settings is None or host.notifiers[channel.via].wants is not None)
        for channel in project.channels.values()
        for word, env in channel.secret_names.items()
    ]
    wanted += [(f"job {name}", "ping", job.ping, True) for name, job in project.jobs.items() if job.ping]
    for where, word, env, needed in wanted:
        try:
            found = secrets.find(word, env, project.folder)
        except PersyncError as error:
            yield failed(where, word, error)
            continue
        if found is not None:
            yield Finding(where, word, f"found in {found.where}")
        elif needed:
            yield Finding(where, word, f"{env} is not set", "warn", f"Put it into the environment or {secrets.FILE}.")
        else:
            yield Finding(where, word, f"{env} is not set: right where none is asked for", "not probed")


def failed(where: str, what: str, error: PersyncError) -> Finding:
    """Return the finding that an error is."""
    said = PersyncError(error.what, where=error.where)
    return Finding(where, what, str(said), "fail", error.hint, error)


def tried(connector: Connector) -> Iterator[tuple[str, str]]:
    """Make a connector's real calls. One that reads whole files has nobody to call."""
    from persync.connect.client import Client

    if connector.batches({}) is not None:
        nobody: Any = None
        yield from connector.check(nobody)
        return
    with Client(connector) as client:
        yield from connector.check(client)


def _store(path: Path, opened: Callable[[Path], AbstractContextManager[Store]] | None) -> Iterator[Finding]:
    from persync.store.key import key_path
    from persync.store.store import open_store

    if not path.exists():
        yield Finding("store", str(path), "not there yet: the first pull or import makes it")
        return
    try:
        with (opened or open_store)(path) as store:
            wrong = store.integrity()
            if wrong:
                error = CheckFailedError(
                    f"the store is damaged: {'; '.join(wrong[:3])}.", hint="Restore a backup, or pull anew."
                )
                yield failed("store", str(path), error)
            else:
                yield Finding("store", str(path), "whole")
            try:
                _ = store.key
            except PersyncError as error:
                yield failed("store", "key", error)
            else:
                yield Finding("store", "key", f"{key_path(path)} fits this store; keep a copy elsewhere")
    except PersyncError as error:
        yield failed("store", str(path), error)


# -- one connection -----------------------------------------------------------------------------------------------------


def _connection(host: Host, project: Project, name: str, now: int, *, is_offline: bool) -> list[Finding]:
    from persync.settings import find_secrets, make_connector

    findings: list[Finding] = []
    try:
        for secret, one in find_secrets(project, host, name).items():
            findings.append(Finding(name, secret, f"found in {one.where}"))
        connector = make_connector(project, host, name)
        if is_offline and connector.batches({}) is None:
            findings.append(Finding(name, "call", "--offline asks no vendor", "not probed"))
        else:
            findings += look_at(connector, project.store_path, now=now)
    except PersyncError as error:
        findings.append(failed(name, ", ".join(project.secret_names.get(name, ())) or "call", error))
    except RAISED as error:  # a stranger's connector, where no answer is at fault
        if not (place := raised_in(error, type(connector).__module__.partition(".")[0])):
            raise
        what = f"the connector '{connector.name}' failed: {type(error).__name__} at {place}."
        findings.append(failed(name, "call", PluginError(what, hint="Update its plugin.")))
    return findings


def look_at(
    connector: Connector,
    store_path: Path,
    *,
    now: int,
    client: Callable[[Connector], Any] | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Finding]:
    """Try a connection: its own check, its API version, the vendor's clock, then each stream.

    `client` makes the connection's client (tests hand in one). Raises what the connector's check raises.
    """
    from persync.connect.client import Client
    from persync.connect.known import known_of, reading
    from persync.connect.probe import Prober

    if connector.batches({}) is not None:
        for what, answer in tried(connector):
            yield _checked(connector, what, answer)
        return
    told = ""
    with (client or (lambda one: Client(one, tries=TRIES)))(connector) as calls:
        try:
            for what, answer in connector.check(calls):
                if what == VERSION and connector.api_version is not None:
                    told = answer  # shown below, with its state
                    continue
                yield _checked(connector, what, answer)
        except PersyncError:
            raise
        except Exception as error:  # a connector that trips over an answer: its streams may be well
            hint = "Check base_url: something other than the vendor's API may have answered."
            unforeseen = PersyncError(f"an answer that was not foreseen ({type(error).__name__}).", hint=hint)
            yield failed(connector.connection, "call", unforeseen)
        if connector.api_version is not None:
            yield _version(connector, told, now)
        with reading(store_path) as db:
            known = known_of(db, connector)
        probes = Prober(calls, connector, known, now=now, clock=clock).probe_all(connector.streams)
    yield _clock(connector, probes)
    for probe in probes:
        yield replace(_stream(connector, probe, known, now), stream=probe.stream.name)


def _checked(connector: Connector, what: str, answer: str) -> Finding:
    """Return what a connector's own check found; a doubt of its own is a warning."""
    from persync.connect.connector import Doubt

    found = _clean(answer)
    if isinstance(answer, Doubt):
        return Finding(connector.connection, what, found, "warn", answer.fix)
    return Finding(connector.connection, what, found)


def _version(connector: Connector, told: str, now: int) -> Finding:
    """Hold the API version against the day from which the vendor may refuse it, and against what its check `told`.

    A vendor that tells its version answers as another one, or as one whose end persync does not know, without an error.
    """
    if told and (connector.supported_until is None or not told.startswith(str(connector.api_version))):
        found, _, fix = told.partition(". ")
        return Finding(connector.connection, VERSION, found, "warn", fix or UNKNOWN_VERSION)
    found = f"{connector.api_version}, " + (
        f"supported until {connector.supported_until}" if connector.supported_until else "no end announced"
    )
    state, error = _ending(connector.supported_until, now)
    return Finding(connector.connection, VERSION, found, state, "Update persync." if state != "ok" else "", error)


def _ending(day: str | None, now: int) -> tuple[State, PersyncError | None]:
    if day is None:
        return "ok", None
    left = (date.fromisoformat(day) - datetime.fromtimestamp(now / 1000, UTC).date()).days
    if left <= 0:
        return "fail", CheckFailedError("this API version is no longer supported.", hint="Update persync.")
    return ("warn" if left <= SOON_DAYS else "ok"), None


def _clock(connector: Connector, probes: list[Probe]) -> Finding:
    skews = sorted((probe.skew for probe in probes if probe.skew is not None), key=abs)
    if not skews:
        return Finding(connector.connection, "clock", "the vendor's answers do not tell its time", "not probed")
    skew = skews[0]  # the answer that travelled least distorts least
    found = (
        f"{abs(skew):,.0f} s {'ahead of' if skew < 0 else 'behind'} the vendor's"
        if abs(skew) >= 1
        else "the same as the vendor's"
    )
    if abs(skew) <= MOST_SKEW_S:
        return Finding(connector.connection, "clock", found)
    fix = (
        "Set this machine's clock (NTP): pulls end their windows by it, so what changed last is missed or asked for too early."
    )
    return Finding(connector.connection, "clock", found, "warn", fix)


def _stream(connector: Connector, probe: Probe, known: Known, now: int) -> Finding:
    stream, where = probe.stream, connector.connection
    name = stream.name if stream.default else f"{stream.name} (on demand)"
    read, holes = _read(known.coverage.get(stream.name))
    error = probe.error
    if isinstance(error, SkipStreamError):
        if error.reason == "gone" and stream.parent is not None:
            return Finding(where, name, _words("answers; the part asked about is gone there", read, holes))
        said = _words(f"{error.reason}: {_clean(error.what).rstrip('.')}", read)
        return Finding(where, name, said, "warn", _missing(connector, stream, error), error)
    if error is not None:
        return failed(where, name, error)
    if probe.reason:
        return Finding(where, name, _words(f"not probed: {probe.reason}", read, holes), "not probed")
    state, ended = _ending(stream.supported_until, now)
    told = _answer(probe)
    if ended is not None or state == "warn":
        fix = f"The vendor supports this until {stream.supported_until}: update persync."
        return Finding(where, name, _words(told, read, holes), state, fix, ended)
    if probe.rejects:
        fix = "Pull and look at `persync status`; if the vendor changed, update persync."
        said = _words(told, f"{probe.rejects} of {probe.seen} records do not fit", read, holes)
        return Finding(where, name, said, "warn", fix)
    if holes:
        return Finding(
            where, name, _words(told, read, holes), "warn", f"Pull again: persync pull {where} --stream {stream.name}"
        )
    return Finding(where, name, _words(told, read))


def _answer(probe: Probe) -> str:
    part = " in the part asked about" if probe.stream.parent is not None else ""
    many = "can be read" if probe.records is None else f"{probe.records:,} record{'' if probe.records == 1 else 's'}{part}"
    return f"{many}, {probe.seconds * 1000:,.0f} ms"


def _read(coverage: Coverage | None) -> tuple[str, str]:
    """Return how far a stream is read, and its holes, in words."""
    if coverage is None:
        return "never read", ""
    day = f"read to {datetime.fromtimestamp(coverage.to_at / 1000, UTC):%Y-%m-%d %H:%M} UTC" if coverage.to_at else "never read"
    holes = "; ".join(
        reason.rstrip(".") + (f" ({parts:,} parts)" if parts > 1 else "") for reason, parts in sorted(coverage.holes.items())
    )
    return day, f"holes: {_clean(holes)}" if holes else ""


def _missing(connector: Connector, stream: Stream, error: SkipStreamError) -> str:
    """Say what to allow, and what reports lack without it."""
    from persync.connect.guide import to_scopes

    scopes = f"Allow {', '.join(stream.scopes)}." if stream.scopes and error.reason == "scope" else error.hint
    if error.reason == "scope":
        scopes = f"{scopes} {to_scopes(type(connector), connector.connection)}"
    lacking = ", ".join(stream.facts) or f"what {stream.name} tells"
    return " ".join(part for part in (scopes, f"Until then reports lack: {lacking}.") if part)


def _words(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _clean(text: str) -> str:
    return redacted(text)
