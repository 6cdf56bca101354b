"""persync.toml gone wrong: each file is a project that can be used, or a ConfigError of one line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from fuzz import hostile, inert
from persync import secrets
from persync.errors import ConfigError, PersyncError
from persync.plugins import Host, load_plugins
from persync.settings import load_project, make_connector
from persync.settings.toml import parse_toml

SECRET = "5ecret5ecret5ecret5ecret5ecret55-us10"
"""what stands in the environment, and now and then where it must not: no message may repeat it"""
NOW = 1_750_000_000_000
WHOLE = """# What persync.toml may say.
[store]
path = "persync.db"

[report]
name = "Corner shop"
margin = 0.4
currency = "EUR"
timezone = "Europe/Vienna"
basis = "net"
lookback_days = 30
suppress_n = 5
report_n = 30

[connections.mail]
connector = "mailchimp"
data_center = "us10"
batch_over = 20000
start = "2024-01-01"
token_env = "MAIL_TOKEN"
attributes = { AGE = "asked at sign-up", COUNTRY = "given with the order" }
overrides = { "7847cdaeff" = 3 }

[connections.shop]
connector = "shopify"
shop = "corner"
base_url = "http://127.0.0.1:1/shopify"
api_version = "2026-01"
segments = ["Regulars", "12"]
bulk_over = 2000
bulk_patience = 30.0

[connections.crm]
connector = "hubspot"
claim_models = ["LINEAR"]

[connections.own]
connector = "files"

[[connections.own.files]]
kind = "costs"
path = "costs.csv"

[[connections.own.files]]
kind = "orders"
path = "till.csv"

[experiments.welcome]
tags = { treated = "welcome:a", control = "welcome:b" }
control = "control"
from = 2025-03-01
days = 14
holdout = true
planned_shares = { treated = 0.9, control = 0.1 }

[experiments.spring]
from = "2025-03-01T09:00:00Z"

[jobs.nightly]
pull = ["mail", "shop"]
at = "03:30"
lookback_days = 14
wait = 60
days = 7
link = "https://example.com/report"
ping = "NIGHTLY_PING_URL"
numbers = ["conversion_rate"]
report = [{ out = "report.html", format = "html", period = "2025-01-01..2025-03-31" }, { out = "a.md", sections = ["answer"] }]
export = [{ metric = "conversion_rate", out = "c.csv", by = ["country"], days = 90 }]
checks = [{ metric = "revenue", min = 1, by = ["channel"], fail_on = "sure", unknown = "pass" }]
notify = [{ to = "owner", on = ["change", "always"], attach = true }]

[notify.owner]
via = "email"
quiet = "22:00-07:00"
host = "smtp.example.com"
port = 587
sender = "persync@example.com"
to = ["owner@example.com"]

[notify.team]
via = "slack"
url_env = "TEAM_URL"

[privacy.retention]
touchpoints = 36
people = 24

[shops]
aliases = { "old.example.com" = "corner.myshopify.com" }
"""


def toml_case(seed: str, folder: Path) -> int:
    """Load one spoiled persync.toml, and one spoiled file of secrets; return how many files were read.

    Raises AssertionError when a file is neither used nor refused by a ConfigError (exit code 2), or when what is said of it
    is not one line or repeats a secret.
    """
    rng = Random(seed)
    with patch.dict(os.environ, dict.fromkeys(_variables(), SECRET)):
        file = folder / "persync.toml"
        file.write_bytes(_spoiled(WHOLE, rng))
        _use(folder)
        file.unlink()
    names = "\n".join(f'{name} = "{SECRET}"' for name in _variables())
    file = folder / secrets.FILE
    file.write_bytes(_spoiled(names, rng))
    file.chmod(0o600)
    try:
        found = secrets.read_file(file)
        assert all(isinstance(value, str) for value in found.values())
    except ConfigError as error:
        _told(error)
    file.unlink()
    return 2


def _use(folder: Path) -> None:
    """Load the project and ask of it all that commands ask."""
    host = _host()
    try:
        project = load_project(folder, host)
    except ConfigError as error:
        _told(error, code=2, where="persync.toml")
        return
    assert repr(project)
    json.dumps(project.facts())
    questions: list[Callable[[], object]] = [lambda: project.ask(NOW), project.store_path.is_file]
    for name in project.names:
        questions.append(lambda name=name: make_connector(project, host, name).base_url())  # type: ignore[misc]
    for job in project.jobs.values():
        periods = [one.period for one in (*job.report, *job.checks, *job.export)]
        questions += [lambda period=period: project.ask(NOW, period) for period in periods if period]  # type: ignore[misc]
    for question in questions:
        try:
            question()
        except PersyncError as error:
            _told(error)


def _told(error: PersyncError, *, code: int | None = None, where: str = "") -> None:
    words = str(error)
    assert code in (None, error.exit_code)
    assert where in words, words
    assert "\n" not in inert.terminal(words), repr(words)
    assert len(words) < 1500, words[:400]
    assert SECRET not in words, "a secret is repeated"


# -- files --------------------------------------------------------------------------------------------------------------


def _spoiled(text: str, rng: Random) -> bytes:
    """Change the values of a file, or its lines, or its bytes."""
    if rng.random() < 0.5:
        tree = parse_toml(text, Path("persync.toml"))
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            tree = _changed(tree, rng, rng.randrange(max(1, _leaves(tree))))
        text = "\n".join(as_toml(tree))
    lines = text.split("\n")
    for _ in range(rng.choice((0, 1, 1, 2))):
        rng.choice(LINE_FAULTS)(lines, rng)
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    if rng.random() < 0.25:
        content = rng.choice(BYTE_FAULTS)(content, rng)
    return content


def _leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(1 + _leaves(inner) for inner in value.values())
    return sum(map(_leaves, value)) if isinstance(value, list) else 1


ODD: tuple[Any, ...] = (
    *hostile.ODD_VALUES[1:13],
    float("nan"),
    float("inf"),
    [],
    {},
    [[[[]]]],
    {"": ""},
    date(1, 1, 1),
    date(9999, 12, 31),
    datetime(1, 1, 1),  # noqa: DTZ001  TOML has times without a zone
    datetime(9999, 12, 31, 23, 59, 59, 999_999),  # noqa: DTZ001
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    SECRET,
    "..",
    "/",
    "2025-01-01..9999-12-31",
    "0001",
    "9999",
    "9999-12",
    "Etc/../UTC",
    "Europe",
    "localtime",
    "../../../../etc/passwd",
    "http://user:pass@127.0.0.1",
    "http://[",
    "https://127.0.0.1:99999",
    "file:///etc/passwd",
)


def _changed(value: Any, rng: Random, at: int) -> Any:
    """Return a tree in which the member at this number has another value, another name, or is gone."""
    if isinstance(value, list):
        return [_changed(inner, rng, at) if rng.random() < 0.5 else inner for inner in value] or [hostile.text(rng)]
    if not isinstance(value, dict):
        return rng.choice(ODD) if rng.random() < 0.5 else hostile.text(rng)
    made: dict[str, Any] = {}
    for name, inner in value.items():
        size = 1 + _leaves(inner)
        if at == 0:
            how = rng.randrange(8)
            if how == 0:
                made[hostile.text(rng)[:2000]] = inner
            elif how == 1:
                made[name], made[rng.choice((name + "s", name.upper(), "token", "api_key", ""))] = inner, inner
            elif how > 2:
                made[name] = rng.choice(ODD) if rng.random() < 0.5 else hostile.text(rng)
        else:
            made[name] = _changed(inner, rng, at - 1) if 0 < at < size else inner
        at -= size
    return made


def as_toml(tree: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Write a tree of values: tables two deep, what lies deeper in braces."""
    tables = []
    for name, value in tree.items():
        if isinstance(value, dict) and len(path) < 2:
            tables.append((name, value))
        else:
            yield f"{_text(name)} = {_value(value)}"
    for name, value in tables:
        inner = (*path, name)
        yield f"[{'.'.join(map(_text, inner))}]"
        yield from as_toml(value, inner)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case dict():
            return "{" + ", ".join(f"{_text(name)} = {_value(inner)}" for name, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case date():
            return value.isoformat()
    return str(value)


def _text(value: str) -> str:
    """Write a text as a TOML string; a lone surrogate stays what no file may hold."""
    return '"' + "".join(f"\\u{ord(one):04x}" if ord(one) < 32 or one in '"\\\x7f' else one for one in value) + '"'


def _line(lines: list[str], rng: Random) -> int:
    return rng.randrange(len(lines)) if lines else 0


def _gone(lines: list[str], rng: Random) -> None:
    at = _line(lines, rng)
    del lines[at : at + 1]


def _twice(lines: list[str], rng: Random) -> None:
    lines.insert(_line(lines, rng), lines[_line(lines, rng)])


def _swapped(lines: list[str], rng: Random) -> None:
    a, b = _line(lines, rng), _line(lines, rng)
    lines[a], lines[b] = lines[b], lines[a]


def _inside(lines: list[str], rng: Random) -> None:
    at = _line(lines, rng)
    cut = rng.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:cut] + hostile.text(rng) + lines[at][cut:]


def _misspelt(lines: list[str], rng: Random) -> None:
    at = _line(lines, rng)
    cut = rng.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:cut] + lines[at][cut + 1 :]


def _other_value(lines: list[str], rng: Random) -> None:
    at = _line(lines, rng)
    name, equals, _ = lines[at].partition("=")
    if equals:
        raw = ("'x'", '"""', "1e400", "0o777", "0xffffffffffffffffffff", "9" * 5000, "-nan", "1979-05-27T07:32:00.9999999Z")
        deep = ("[" * 3000 + "]" * 3000, "{a=" * 500 + "1" + "}" * 500, "[" * 3000)
        lines[at] = f"{name}= {rng.choice(raw + deep)}"


def _new_table(lines: list[str], rng: Random) -> None:
    names = (
        "[report]",
        "[[report]]",
        "[connections]",
        "[connections.mail.files]",
        "[jobs]",
        "[a.b.c]",
        "[''] ",
        "[report",
        "x = 1",
    )
    lines.insert(_line(lines, rng), rng.choice((*names, "[" + ".".join(["a"] * 3000) + "]", f"token = '{SECRET}'")))


LINE_FAULTS: tuple[Callable[[list[str], Random], None], ...] = (
    _gone,
    _twice,
    _swapped,
    _inside,
    _misspelt,
    _other_value,
    _other_value,
    _new_table,
)


def _put(content: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    what = rng.choice((b"\x00", b"\xff", b"\xed\xa0\xbd", b"\r", b"\xef\xbb\xbf", b'"', b"'", b"]", b"\x7f", b"\\"))
    return content[:at] + what + content[at:]


BYTE_FAULTS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _put,
    _put,
    lambda content, rng: content[: rng.randrange(len(content) + 1)],
    lambda content, rng: content.replace(b"\n", rng.choice((b"\r\n", b"\r"))),
    lambda content, rng: b"\xef\xbb\xbf" + content,
    lambda content, rng: content.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-32", "latin-1")), "replace"),
)


@cache
def _host() -> Host:
    return load_plugins()


@cache
def _variables() -> tuple[str, ...]:
    kinds = _host().connectors.values()
    return (*sorted({name for kind in kinds for name in kind.secrets.values()}), "MAIL_TOKEN")
