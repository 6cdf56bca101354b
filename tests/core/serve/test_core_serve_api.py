"""/api/v1 beside the command line."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Match, Route

from core.serve.conftest import client_of, site_of
from persync.cli import root
from persync.cli.context import App
from persync.errors import EXIT_CHECK
from persync.jobs.answers import campaigns
from persync.sandbox.world import World
from persync.serve.api import endpoint, exporting, making
from persync.serve.api.answers import ANSWERS, Answer
from persync.serve.site import Site

Get = Callable[..., Any]

LEFT_OUT = {
    "format": "an address answers with JSON alone",
    "out": "an address writes no file",
    "engine": "the page computes where it is served",
    "master": "the page computes where it is served",
    "lake": "the page is of one store",
    "store": "the page is of one store",
    "show_small_groups": "that groups are shown is written into the store's log, and an address writes nothing",
    "list": "it is what the address means",
    "reconcile name": "an address asks nobody",
    "offline": "it is what the address means",
    "tolerance": "an address asks nobody",
    "level": "an address sets nothing",
    "campaign": "/levels/{campaign} has it",
    "job": "`status` is what the address means",
    "target": "an address installs nothing",
    "install": "an address installs nothing",
    "remove": "an address installs nothing",
    "all": "the JSON has every stream",
    "origin": "the JSON has it of every setting",
    "digest": "it is a line of text, not JSON",
    "epsilon": "noise is paid for in the store's log, and an address writes nothing",
    "measure": "it shares out noise",
    "with_ids": "that ids leave is written into the store's log, and an address writes nothing",
}
"""parameters of commands that no address takes, and why"""

NO_ADDRESS = {
    "pull": "it writes",
    "import": "it writes",
    "run": "it writes",
    "store backup": "it writes",
    "store upgrade": "it writes",
    "store vacuum": "it writes",
    "experiment assign": "it writes",
    "privacy erase": "it removes people, and names them",
    "privacy clean": "it writes, or tells what it would",
    "privacy retention": "it removes, or tells what it would; /audit says whether anything is too old",
    "notify test": "it sends",
    "plugins check": "it runs other people's code against a vendor's imitation, for minutes",
    "federate merge": "it reads files of others, and not the store",
    "lake list": "the page is of one store",
    "lake overview": "the page is of one store",
}
"""commands with `--format json` that no address answers as, and why"""


def printed(shop: Path, world: World, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Return what a command prints at the world's moment."""
    monkeypatch.setattr(App, "now", world.now)
    result = CliRunner().invoke(root, ["--project", str(shop), *arguments, "--format", "json"])
    assert result.exit_code in ((0, EXIT_CHECK) if arguments == ("verify",) else (0,)), result.output
    return result.stdout


LINEAR = ("--models", "linear,last_touch")
MARCH = ("--period", "2026-03")
JOURNEY = "lookback=20&half_life=3&basis=gross&currency=eur&count=click,open&window=click%3D9&path=since-last-order"
JOURNEY_TOO = "--lookback 20 --half-life 3 --basis gross --currency eur --count click,open --window click=9"
SAME: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("/metrics", ("metrics", "list")),
    ("/metrics/ctr", ("metric", "ctr")),
    ("/metrics/ctr?by=level&period=2026-03", ("metric", "ctr", "--by", "level", *MARCH)),
    ("/metrics/ctr?by=level&by=region", ("metric", "ctr", "--by", "level", "--by", "region")),
    ("/metrics/conversion_rate?arm=personal", ("metric", "conversion_rate", "--arm", "personal")),
    ("/metrics/roi_simple?period=2019", ("metric", "roi_simple", "--period", "2019")),
    ("/metrics/ctr/definition", ("metrics", "show", "ctr")),
    ("/report?profile=starter&period=2026-03", ("report", "--profile", "starter", *MARCH)),
    ("/attribution?models=linear,last_touch&period=2026-03", ("attribution", *LINEAR, *MARCH)),
    (
        f"/attribution?models=time_decay&by=message&reporting=accrual&cost=true&{JOURNEY}",
        (
            *("attribution", "--models", "time_decay", "--by", "message", "--reporting", "accrual", "--cost"),
            *JOURNEY_TOO.split(),
            *("--path", "since-last-order"),
        ),
    ),
    ("/explain/order/ORDER?models=linear,last_touch", ("explain", "order", "ORDER", *LINEAR)),
    ("/explain/order/ORDER?models=linear&lookback=5", ("explain", "order", "ORDER", "--models", "linear", "--lookback", "5")),
    ("/explain/person/PERSON?models=linear", ("explain", "person", "PERSON", "--models", "linear")),
    ("/explain/send/SEND", ("explain", "send", "SEND")),
    ("/explain/send/SEND?key=PERSON", ("explain", "send", "SEND", "PERSON")),
    ("/experiments", ("experiment", "read")),
    ("/experiments?name=personal", ("experiment", "read", "personal")),
    ("/experiments/personal", ("experiment", "read", "personal")),
    ("/plan", ("experiment", "plan")),
    ("/plan?name=personal", ("experiment", "plan", "personal")),
    ("/segments", ("segment", "list")),
    ("/segments/buyers", ("segment", "show", "buyers")),
    ("/segments/life-cycle:%20loyal", ("segment", "show", "life-cycle: loyal")),
    ("/levels", ("tag", "--list")),
    ("/levels/SEND", ("tag", "SEND", "--list")),
    ("/fairness", ("fairness",)),
    ("/fairness?by=region&direction=less&period=2026-03", ("fairness", "--by", "region", "--direction", "less", *MARCH)),
    (
        "/fairness?by=region&score=engagement&threshold=1&period=2026-03",
        ("fairness", "--by", "region", "--score", "engagement", "--threshold", "1", *MARCH),
    ),
    ("/fairness/decisions", ("fairness", "decisions")),
    (
        "/fairness/mitigate?by=region&score=engagement&threshold=1&gain=12&cost=0.5&currency=EUR&count_unknown=true&period=2026-03",
        (
            *("fairness", "mitigate", "--by", "region", "--score", "engagement", "--threshold", "1", "--gain", "12"),
            *("--cost", "0.5", "--currency", "EUR", "--count-unknown", *MARCH),
        ),
    ),
    ("/reconcile", ("reconcile", "--offline")),
    ("/reconcile?period=2026-03", ("reconcile", "--offline", *MARCH)),
    ("/baseline?period=2026-03", ("baseline", "show", *MARCH)),
    ("/export/v_orders", ("export", "v_orders")),
    ("/export/v_touchpoints?period=2026-03", ("export", "v_touchpoints", *MARCH)),
    ("/export/log", ("export", "log")),
    ("/export/ctr?by=level&period=2026-03", ("export", "ctr", "--by", "level", *MARCH)),
    ("/sums", ("export", "sums")),
    (
        "/sums?only=mail&by=region&period=2026-03",
        ("export", "sums", "--only", "mail", "--by", "region", *MARCH),
    ),
    ("/audit", ("privacy", "audit")),
    ("/audit?regime=hipaa&regime=casl", ("privacy", "audit", "--regime", "hipaa", "--regime", "casl")),
    ("/verify", ("verify",)),
    ("/doctor", ("doctor", "--offline")),
    ("/config", ("config", "show")),
    ("/config?table=report&table=segments.buyers", ("config", "show", "report", "segments.buyers")),
    ("/plugins", ("plugins", "list")),
    ("/status", ("status",)),
    ("/schedule", ("schedule", "status")),
)


def real_ones(text: str, real: Mapping[str, str]) -> str:
    """Return a text with the real names in their places."""
    for name, value in real.items():
        text = text.replace(name, value)
    return text


@pytest.mark.parametrize(("address", "arguments"), SAME, ids=[address for address, _ in SAME])
def test_the_api_answers_what_the_command_prints(
    get: Get,
    shop: Path,
    world: World,
    real: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    arguments: tuple[str, ...],
) -> None:
    answer = get(f"/api/v1{real_ones(address, real)}")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json; charset=utf-8"), answer.text
    assert answer.text == printed(shop, world, monkeypatch, *(real_ones(one, real) for one in arguments))
    assert answer.json()["results"] or address in ("/schedule", "/status", "/verify"), "nothing is the same as nothing"


def test_what_verify_finds_is_found_by_the_address_too(shop: Path, world: World, tmp_path: Path) -> None:
    """And neither writes: a run that was cut off, and a derived table that is not what its facts give, are both still so."""
    folder = Path(shutil.copytree(shop, tmp_path / "shop"))
    with closing(sqlite3.connect(folder / "persync.db")) as db, db:
        db.execute("INSERT INTO runs VALUES (1, 'pull mail', 1, NULL, NULL, 1, 'host', NULL)")
        db.execute("UPDATE person_of SET person = (SELECT max(person) FROM person_of) WHERE key_id = 1")
    with closing(site_of(folder, world.now)) as site:
        answers = [client_of(site).get("/api/v1/verify") for _ in range(2)]
    result = CliRunner().invoke(root, ["--project", str(folder), "verify", "--format", "json"])

    assert [answer.status_code for answer in answers] == [200, 200]
    assert ({answer.text for answer in answers}, result.exit_code) == ({result.stdout}, EXIT_CHECK)
    found = {(one["check"], one["where"], one["is_note"]) for one in answers[0].json()["results"]}
    assert {("derived", "person_of", False), ("runs", "run 1", True)} <= found


def test_an_audit_sees_a_key_that_others_may_read_since_it_was_asked_last(shop: Path, world: World, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shop, tmp_path / "shop"))

    def private(site: Site) -> str:
        found = client_of(site).get("/api/v1/audit?regime=gdpr").json()["results"]
        return next(str(one["result"]) for one in found if one["item"] == "files_are_private")

    with closing(site_of(folder, world.now)) as site:
        before = private(site)
        (folder / "persync.key").chmod(0o644)
        after = private(site)

    assert (before, after) == ("yes", "no")


class Files:
    """Hands out nameless files, notes in which folder, and refuses to make them in some."""

    def __init__(self, *refused: Path | None) -> None:
        self._refused = refused
        self.asked: list[Path | None] = []
        self.made: list[Any] = []

    def __call__(self, dir: Path | None = None) -> Any:
        self.asked.append(dir)
        if dir in self._refused:
            raise OSError(errno.EROFS, "Read-only file system")
        self.made.append(io.BytesIO())
        return self.made[-1]


def test_rows_are_put_together_on_the_disk_of_their_store(get: Get, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for refused in ((), (shop,), (shop, None)):
        files = Files(*refused)
        monkeypatch.setattr(exporting, "tempfile", SimpleNamespace(TemporaryFile=files))
        answer = get("/api/v1/export/v_orders")
        found.append((answer.status_code, files.asked, [one.closed for one in files.made]))

    assert found == [(200, [shop], [True]), (200, [shop, None], [True]), (500, [shop, None], [])]
    assert answer.json()["error"]["what"] == "the rows cannot be put together: Read-only file system."


def test_rows_that_the_disk_has_no_room_for_are_an_error_in_one_line(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    files = Files()
    monkeypatch.setattr(exporting, "tempfile", SimpleNamespace(TemporaryFile=files))
    monkeypatch.setattr("persync.export.formats.write", full)
    answer = get("/api/v1/export/v_orders")

    assert answer.json()["error"] == {
        "what": "the rows cannot be put together: No space left on device.",
        "hint": "Make room beside the store, or use `persync export` with --out.",
    }
    assert (answer.status_code, [one.closed for one in files.made]) == (500, [True])


def test_the_file_of_rows_is_closed_although_nobody_reads_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files()
    monkeypatch.setattr(exporting, "tempfile", SimpleNamespace(TemporaryFile=files))
    (answer,) = (one for one in ANSWERS if one.make is exporting.export)
    request = Request({"type": "http", "path_params": {"name": "v_orders"}, "query_string": b"", "headers": []})
    response = endpoint._endpoint(site, answer.make, answer.params)(request)
    (whole,) = files.made
    before = whole.closed
    assert response.background is not None
    asyncio.run(response.background())

    assert (before, whole.closed) == (False, True)


def test_every_answer_is_held_against_its_command() -> None:
    asked = [address.partition("?")[0] for address, _ in SAME]
    unasked = [answer.path for answer in ANSWERS if not any(_is(answer, path) for path in asked)]

    assert unasked == []


def _is(answer: Answer, path: str) -> bool:
    route = Route(answer.path, PlainTextResponse(""))
    return route.matches({"type": "http", "method": "GET", "path": path})[0] is Match.FULL


@pytest.mark.parametrize("answer", ANSWERS, ids=[answer.path for answer in ANSWERS])
def test_an_address_takes_what_its_command_takes(answer: Answer) -> None:
    """Every option and argument of the command is a parameter of that name, with its choices, its default and whether it may be
    given several times; or it stands in the path; or it is known why it is not."""
    command = command_of(answer.command)
    in_path = re.findall(r"{(\w+)", answer.path)
    expected = {
        name: (choices_of(one), one.multiple if isinstance(one, click.Option) else one.nargs == -1)
        for one in command.params
        if not getattr(one, "hidden", False)
        and (name := name_of(one)) not in (*in_path, *LEFT_OUT)
        and f"{answer.path[1:]} {name}" not in LEFT_OUT
    }

    assert {one.name: (one.choices, one.several) for one in answer.params} == expected
    defaults = {name_of(one): one.default for one in command.params if isinstance(one.default, str)}
    assert all(one.default == defaults.get(one.name) for one in answer.params)
    assert {name_of(one) for one in command.params} | NAMED >= set(in_path)


ONE_OF = {"names": "name", "tables": "table"}
NAMED = {"name"}
"""what is a command's own name, as that of a view which is exported"""


def name_of(param: click.Parameter) -> str:
    """Return what an address calls a command's parameter: an option by its long form, one of several names by one."""
    text = max(param.opts, key=len).lstrip("-").replace("-", "_")
    return ONE_OF.get(text, text)


def choices_of(param: click.Parameter) -> tuple[str, ...]:
    return ("true", "false") if getattr(param, "is_flag", False) else tuple(getattr(param.type, "choices", ()))


def command_of(words: str) -> click.Command:
    """Return the command that an answer names; the rest of its words are arguments."""
    found: click.Command = root
    for word in words.split():
        inner = found.get_command(click.Context(found), word) if isinstance(found, click.Group) else None
        found = inner or found
    return found


def commands(group: click.Group, *words: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command of the tree with its name; a group that is a command of its own too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        assert one is not None
        yield " ".join((*words, name)), one
        if isinstance(one, click.Group):
            yield from commands(one, *words, name)


def test_every_command_that_only_reads_has_an_address() -> None:
    """Whatever prints JSON is an answer, or it is known why it is none; and no reason outlives its command."""
    printing = [name for name, one in commands(root) if any("json" in choices_of(param) for param in one.params)]
    # What stands behind a command's name in an answer are its arguments.
    named = [[name for name in printing if f"{answer.command} ".startswith(f"{name} ")] for answer in ANSWERS]
    answered = {max(names, key=len) for names in named}

    assert {*NO_ADDRESS} <= {*printing}
    assert {*printing} - answered - {*NO_ADDRESS} == set()


def test_the_index_names_every_address_with_its_parameters(get: Get) -> None:
    answer = get("/api/v1")

    listed = {one["path"]: [param["name"] for param in one["parameters"]] for one in answer.json()["results"]}
    assert answer.json()["kind"] == "api"
    assert listed == {one.shown: [param.name for param in one.params] for one in ANSWERS}
    assert get("/api/v1/").text == answer.text


def test_what_a_command_says_beside_its_answer_is_in_a_header(get: Get, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(engine: Any, ask: Any, names: Any, *, tell: Callable[[str], object]) -> list[Any]:
        tell("nobody came: caf\u00e9\r\nX: y")
        return []

    monkeypatch.setattr(making, "readings", said)
    answers = [get("/api/v1/experiments?name=told") for _ in range(2)]

    assert [json.loads(answer.headers["persync-said"]) for answer in answers] == [["nobody came: caf\u00e9  X: y"]] * 2
    assert "x" not in answers[0].headers


def test_a_name_of_several_things_is_a_conflict(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    ways = (f"{campaigns._CAMPAIGNS} WHERE c.title <> ?",)
    monkeypatch.setattr(campaigns, "_WAYS", ways)
    answer = get("/api/v1/levels/letter")

    assert answer.status_code == 409
    assert re.fullmatch(r"'letter' names \d+ campaigns: .*", answer.json()["error"]["what"])
    assert answer.json()["error"]["hint"] == "Say CONNECTION:ID."


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/metrics/ctrr", 404, "Did you mean 'ctr'?"),
        ("/metrics/ctrr/definition", 404, "Did you mean 'ctr'?"),
        ("/metric", 404, "Did you mean '/api/v1/metrics'?"),
        ("/nothing/like/it", 404, "/api/v1 lists all"),
        ("/nothing?by=level", 404, "there is no such address"),
        ("/metrics/ctr?by=levl", 400, "Did you mean 'level'?"),
        ("/metrics/ctr?period=soon", 400, "--period"),
        ("/metrics/ctr?perod=2026", 400, "Did you mean 'period'?"),
        ("/metrics/ctr?period=2025&period=2026", 400, "was given 2 times"),
        ("/metrics/ctr?segment=buyers", 400, "there is no parameter 'segment'. The filters of pages"),
        ("/report?profile=fll", 400, "Did you mean 'full'?"),
        ("/report?segment=buyers", 400, "there is no parameter 'segment'"),
        ("/metrics?by=level", 400, "It takes none."),
        ("/metrics/ctr?arm=nope", 400, "there is no experiment 'nope'"),
        ("/attribution?models=linr", 400, "Did you mean 'linear'?"),
        ("/attribution?lookback=-1", 400, "is no number of days"),
        ("/attribution?window=click", 400, "window=click=30"),
        ("/attribution?currency=euro", 400, "Write its three letters"),
        ("/attribution?by=chanel", 400, "channel"),
        ("/attribution?cost=1", 400, "cannot be '1'"),
        (f"/attribution?models={'a' * 501}", 400, "longer than 500"),
        ("/fairness?cross=region", 400, "--cross takes A,B"),
        ("/fairness?cross=region,country", 422, "country"),
        ("/fairness?by=regoin", 422, "Did you mean 'region'?"),
        ("/fairness?score=churn", 400, "--score and --threshold go together"),
        ("/fairness?decision=a&segment=b", 400, "name one of --decision, --segment and --score"),
        ("/fairness?score=churn&threshold=0", 400, "above 0"),
        ("/fairness/mitigate", 400, "by=ATTR"),
        ("/fairness/mitigate?by=region&gain=1", 400, "--gain and --cost go together"),
        ("/fairness/mitigate?by=region&gain=1&cost=nan", 400, "is no number"),
        ("/explain/order/none", 404, "there is no order 'none'"),
        ("/explain/person/files:none", 404, "nobody by that key"),
        ("/explain/person/somebody@example.com", 400, "does not belong into a URL"),
        ("/explain/send/SEND?key=somebody%40example.com", 400, "does not belong into a URL"),
        ("/explain/send/Januar%20leter", 404, "Did you mean"),
        ("/experiments/persnal", 404, "Did you mean 'personal'?"),
        ("/experiments?name=persnal", 400, "Did you mean 'personal'?"),
        ("/segments/buyrs", 404, "Did you mean 'buyers'?"),
        ("/levels/nothing", 404, "tag --list"),
        ("/export/v_order", 404, "Did you mean 'v_orders'?"),
        ("/export/tombstones", 400, "bookkeeping"),
        ("/export/v_orders?by=region", 400, "split metrics"),
        ("/export/v_orders?with_ids=true", 400, "no parameter 'with_ids'"),
        ("/export/v_products?period=soon", 400, "--period"),
        ("/sums?epsilon=1", 400, "no parameter 'epsilon'"),
        ("/sums?only=rates", 400, "cannot be 'rates'"),
        ("/audit?regime=gdrp", 400, "Did you mean 'gdpr'?"),
        ("/config?table=raport", 400, "Did you mean 'report'?"),
        ("/verify?digest=true", 400, "It takes none."),
    ],
)
def test_an_error_is_json_that_says_what_to_do(get: Get, real: Mapping[str, str], address: str, status: int, said: str) -> None:
    answer = get(f"/api/v1{real_ones(address, real)}")

    assert answer.status_code == status, answer.text
    body = answer.json()
    assert (body["kind"], set(body["error"])) == ("error", {"what", "hint"})
    assert said in " ".join(filter(None, (body["error"]["what"], body["error"]["hint"])))
    assert "example.com" not in answer.text
