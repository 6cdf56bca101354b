"""The checks of engines, notifiers and importers: what is wrong is found by the check that says so."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, Field

from persync import hookimpl, rows
from persync.connect import outgoing
from persync.engine import Engine, EngineType, open_duckdb
from persync.errors import PersyncError
from persync.hookspecs import Message, Notifier, Sandbox, Trial
from persync.imports import Column, Importer
from persync.plugins import Host, load_plugins
from persync.testing.checks.check import NotTriedError
from persync.testing.checks.engines import ENGINE
from persync.testing.checks.importers import IMPORTER
from persync.testing.checks.notifiers import NOTIFIER
from persync.testing.plugin import check_plugin
from persync.testing.shop import Shop, shop_of


def red(checks: Any, run: Callable[[Any], Any]) -> list[str]:
    """Return the checks that fail."""
    found = []
    for check in checks:
        try:
            run(check)
        except NotTriedError:
            pass
        except AssertionError:
            found.append(check.name)
    return found


# -- notifiers ----------------------------------------------------------------------------------------------------------


class Address(BaseModel, extra="forbid"):
    """Where a message goes."""

    url: str


class Loose(BaseModel):
    """Takes any word."""

    url: str


def posted(body: str, url: str, *, limit: float | None = 10.0) -> None:
    """Send a text. Raise PersyncError when that cannot be done."""
    try:
        httpx.post(url, content=body, timeout=limit, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise PersyncError(f"it was not taken: {type(error).__name__}.") from None


def good(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    posted(message.text, settings.url)


def silent(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    try:
        posted(message.text, settings.url)
    except PersyncError:
        return


def bare(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    httpx.post(settings.url, content=message.text, timeout=10, trust_env=False).raise_for_status()


def patient(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    posted(message.text, settings.url, limit=None)


def printing(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    sys.stdout.write(str(dict(secrets)))
    good(settings, secrets, message)


def signing(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    posted(f"{message.text}\nsent by ann@example.com", settings.url)


def empty(settings: Any, secrets: Mapping[str, str], message: Message) -> None:
    posted("something happened", settings.url)


WALL = Notifier("wall", "A wall.", good, Address, {"pin": "WALL_PIN"}, lambda folder, url: {"url": url})


@pytest.mark.parametrize(
    ("notifier", "found"),
    [
        (WALL, []),
        (replace(WALL, trial=lambda folder, url: Trial({"url": url}, {"pin": "Zyqu pin"})), []),
        (replace(WALL, summary=" "), ["says"]),
        (replace(WALL, secrets={"pin": "wall pin"}), ["says"]),
        (replace(WALL, wants=lambda settings: ("pni",)), ["says"]),
        (replace(WALL, settings_type=Loose), ["settings"]),
        (replace(WALL, send=empty), ["tells"]),
        (replace(WALL, send=printing), ["quiet"]),
        (replace(WALL, send=signing), ["quiet"]),
        (replace(WALL, send=silent), ["refusal", "time limit"]),
        (replace(WALL, send=bare), ["refusal", "time limit"]),
    ],
    ids=[
        "good",
        "gives a secret too",
        "no summary",
        "no variable",
        "wants another",
        "takes any word",
        "says nothing",
        "prints",
        "signs",
        "is silent",
        "is bare",
    ],
)
def test_a_notifier_that_is_wrong_is_found(notifier: Notifier, found: list[str]) -> None:
    assert red(NOTIFIER, lambda check: check.run(notifier)) == found


class Post(BaseModel, extra="forbid"):
    """A mail server."""

    url: str = Field(pattern=r"^smtp://")


def test_what_a_notifier_of_mail_declares_is_tried_with_a_mail_server() -> None:
    says = next(check for check in NOTIFIER if check.name == "says")

    assert says.run(replace(WALL, settings_type=Post, sink="smtp")) == "A wall."


def test_a_notifier_that_waits_for_ever_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persync.testing.checks.notifiers.PATIENCE_S", 0.5)

    assert red(NOTIFIER, lambda check: check.run(replace(WALL, send=patient))) == ["time limit"]


@pytest.mark.parametrize("name", ["discord", "email", "slack", "teams", "webhook"])
def test_each_notifier_of_persync_sends_to_a_sink_and_lets_no_secret_slip(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "TRIES", 1)  # nobody waits here for who is gone
    notifier = load_plugins(installed=False).notifiers[name]

    assert [check.run(notifier) for check in NOTIFIER if check.name == "tells"] == ["to the sink"]
    assert red(NOTIFIER, lambda check: check.run(notifier)) == []
    assert not [check.name for check in NOTIFIER if "Pull again" in check.run(notifier)]


def test_a_notifier_without_a_trial_says_why_it_was_not_tried() -> None:
    by_name = {check.name: check for check in NOTIFIER}

    with pytest.raises(NotTriedError, match="it has no trial"):
        by_name["tells"].run(replace(WALL, trial=None))


# -- importers ----------------------------------------------------------------------------------------------------------


def levels(line: dict[str, Any], number: int) -> Iterator[rows.Row]:
    yield rows.Attribute(line["person"], "loyalty", line["level"], line["basis"])


def evaluated(line: dict[str, Any], number: int) -> Iterator[rows.Row]:
    level = line["level"]
    worked = str(sum(map(int, level[1:].split("+")))) if level.startswith("=") else level
    yield rows.Attribute(line["person"], "loyalty", worked, line["basis"])


def raising(line: dict[str, Any], number: int) -> Iterator[rows.Row]:
    yield from levels(line | {"level": line["level"].encode("ascii").decode()}, number)


def telling(line: dict[str, Any], number: int) -> Iterator[rows.Row]:
    yield rows.Attribute(line["person"], "loyalty", line["level"], line["person"][0][1])


def counted(line: dict[str, Any], number: int) -> Iterator[rows.Row]:
    yield from levels(line | {"level": f"{line['level']}-{time.monotonic_ns()}"}, number)


LOYALTY = Importer(
    "loyalty",
    "Levels of loyalty.",
    (Column("person", "person", help="who"), Column("level", "text", help="how loyal"), Column("basis", "text", help="why")),
    levels,
    once=("person",),
)
SILENT = replace(LOYALTY, columns=(*LOYALTY.columns[:2], Column("basis", "text")))


@pytest.mark.parametrize(
    ("importer", "found"),
    [
        (LOYALTY, []),
        (replace(LOYALTY, kind="my levels"), ["declares"]),
        (SILENT, ["declares"]),
        (replace(LOYALTY, once=("nobody",)), ["declares"]),
        (replace(LOYALTY, rows=lambda line, number: iter(())), ["reads"]),
        (replace(LOYALTY, rows=evaluated), ["inert"]),
        (replace(LOYALTY, rows=counted), ["again"]),
    ],
    ids=["good", "no kind", "no help", "unknown once", "no rows", "evaluates", "counts"],
)
def test_an_importer_that_is_wrong_is_found(importer: Importer, found: list[str]) -> None:
    checks = [check for check in IMPORTER if check.name in {"declares", "reads", "inert", "again", *found}]
    if "declares" in found:
        checks = [check for check in checks if check.name == "declares"]

    assert red(checks, lambda check: check.of(importer)) == found


def test_an_importer_that_raises_or_tells_is_found() -> None:
    assert red(IMPORTER, lambda check: check.of(replace(LOYALTY, rows=raising))) == ["whole", "inert"]
    assert red(IMPORTER, lambda check: check.of(replace(LOYALTY, rows=telling))) == ["privacy"]


# -- engines ------------------------------------------------------------------------------------------------------------


class Other:
    """DuckDB, one method of it otherwise."""

    def __init__(self, inner: Engine) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Late(Other):
    """Rounds what it sums."""

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        found = self._inner.rows(sql, params)
        return [{name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()} for row in found]


class Rude(Other):
    """Raises its own errors."""

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        try:
            return self._inner.rows(sql, params)
        except PersyncError as error:
            raise ValueError(str(error)) from None


class Generous(Other):
    """Knows no limit."""

    def frame(self, sql: str, params: Mapping[str, Any] | None = None, *, limit: int = 5_000_000) -> Any:
        return self._inner.frame(sql, params)


class Forgetful(Other):
    """Keeps what it has written first."""

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        return 0 if ":most" in sql else self._inner.write(sql, params, name)


def engine(kind: type[Other], name: str, options: tuple[str, ...] = ()) -> EngineType:
    return EngineType(name, "Another.", lambda folder: kind(open_duckdb(folder)), options)


def needing(folder: Path) -> Engine:
    raise ImportError("no module named 'elsewhere'")


ENGINES = {
    "good": (engine(Other, "good"), []),
    "rounding": (engine(Late, "rounding"), ["answers"]),
    "rude": (engine(Rude, "rude"), ["refuses"]),
    "generous": (engine(Generous, "generous"), ["frames"]),
    "forgetful": (engine(Forgetful, "forgetful"), ["writes"]),
    "optional": (engine(Other, "optional", ("speed",)), ["says"]),
}


class Engines:
    """Offers them all."""

    @hookimpl
    def persync_engines(self) -> Iterator[EngineType]:
        yield from (one for one, _ in ENGINES.values())
        yield EngineType("needing", "Needs another package.", needing)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop_of(load_plugins([Engines()]), tmp_path_factory.mktemp("shop"), people=60) as made:
        yield made


@pytest.mark.parametrize("name", list(ENGINES))
def test_an_engine_that_is_wrong_is_found(shop: Shop, name: str) -> None:
    quick = [check for check in ENGINE if check.name != "ledger"]

    assert red(quick, lambda check: check.run(shop, name)) == ENGINES[name][1]


def test_an_engine_that_does_not_say_what_to_install_is_found(shop: Shop) -> None:
    (check,) = (one for one in ENGINE if one.name == "extras")

    with pytest.raises(AssertionError, match="say what to install"):
        check.run(shop, "needing")


# -- plugins ------------------------------------------------------------------------------------------------------------


def test_a_plugin_of_which_nothing_can_be_checked_fails() -> None:
    """A connector without streams, as the one that reads files, has no sandbox to be pulled from."""
    from persync.imports.files import FilesConnector

    class Filed(FilesConnector):
        name = "filed"

    host = Host()

    def persync_connectors() -> Iterator[Any]:
        yield Filed

    host.add("other", "", "", lambda: SimpleNamespace(persync_connectors=hookimpl(persync_connectors)))
    (only,) = check_plugin(host, "other")

    assert (only.state, only.told) == ("fails", "nothing of it could be checked.")


def test_a_connector_whose_sandbox_raises_fails_one_check_and_the_rest_is_checked() -> None:
    """What is wrong with the sandbox is a finding as any other: it ends neither the checks nor their sum."""
    from persync.imports.files import FilesConnector

    class Bad(FilesConnector):
        name = "bad"
        streams = (SimpleNamespace(name="things"),)  # type: ignore[assignment]

    def raising(world: object) -> Any:
        raise RuntimeError("no luck")

    def persync_connectors() -> Iterator[Any]:
        yield Bad

    def persync_sandboxes() -> Iterator[Sandbox]:
        yield Sandbox("bad", "bad", raising, lambda world, url: {}, lambda world: {})

    def persync_notifiers() -> Iterator[Notifier]:
        yield replace(WALL, trial=None)

    host = Host()
    hooks = (persync_connectors, persync_sandboxes, persync_notifiers)
    host.add("bad", "", "", lambda: SimpleNamespace(**{hook.__name__: hookimpl(hook) for hook in hooks}))

    first, *others = check_plugin(host, "bad")

    assert (first.check, first.state, first.told) == ("sandbox", "fails", "the sandbox 'bad' cannot be served: RuntimeError.")
    assert {one.kind for one in others} == {"notifier"}


def test_what_was_not_tried_is_neither_green_nor_red() -> None:
    host = Host()

    def persync_notifiers() -> Iterator[Notifier]:
        yield replace(WALL, trial=None)

    host.add("wall", "", "", lambda: SimpleNamespace(persync_notifiers=hookimpl(persync_notifiers)))

    assert [(one.check, one.state) for one in check_plugin(host, "wall")] == [
        ("says", "holds"),
        ("settings", "holds"),
        ("tells", "not tried"),
        ("quiet", "not tried"),
        ("refusal", "not tried"),
        ("time limit", "not tried"),
    ]
