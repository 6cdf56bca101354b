"""Every byte that a whole run writes, in debug mode: no token, address, name, phone number or IP; and nobody erased."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from e2e.runs import Site, serving
from persync.cli import root
from persync.sandbox import server
from persync.sandbox.demo import make_world
from persync.sandbox.fault_kinds import capture
from persync.sandbox.world import SandboxPerson, World, mc_eid

PHONE = "+1 555 010 0123"
NOT_WRITTEN_BY_PERSYNC = ("persync.secrets.toml", "persync.key", "truth.json", "costs.csv")


def persync(folder: Path, *arguments: str, **more: Any) -> Result:
    """Run the command in this process, in debug mode."""
    environment = {"PERSYNC_DEBUG": "1"}
    return CliRunner().invoke(root, ["--project", str(folder), *arguments], prog_name="persync", env=environment, **more)


@pytest.fixture(scope="module", autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """Leave the log of this process as it was."""
    logger = logging.getLogger()
    before = list(logger.handlers)
    yield
    for handler in set(logger.handlers) - set(before):
        logger.removeHandler(handler)
    logging.captureWarnings(False)
    for name in ("persync", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def hostile(world: World) -> World:
    """Put addresses and a number where somebody at the shop might type them."""
    address = world.people[1].email
    world.messages[0].title = f"Answer to {address}"
    world.messages[1].subject = f"Call {PHONE} or write to {address}"
    world.orders[0].discount_codes = (address,)
    world.orders[1].lines[0].title = f"Engraving for {address}"
    return world


class Quoting:
    """A vendor that quotes what it complains about: answers that fail with tokens and addresses in them, and an odd record."""

    def __init__(self, world: World, made: Any) -> None:
        self.people = list(world.people.values())
        self.world = world
        self.made = made

    def __call__(self, world: World, sandboxes: Any, *more: Any) -> Any:
        app = self.made(world, sandboxes, *more)
        tokens = sorted({value for sandbox in sandboxes for value in sandbox.secrets(world).values()})
        words = f"{tokens} {self.people[2].email} {self.people[2].email.replace('@', '%40')} {PHONE} 203.0.113.7"
        refusals = {
            "/automations": {"title": "Invalid", "status": 400, "detail": words, "type": "", "instance": ""},
            "/tickets": {"status": "error", "category": "VALIDATION_ERROR", "message": words, "correlationId": words},
        }

        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            refused = next((one for part, one in refusals.items() if part in scope["path"]), None)
            if refused is not None:
                await answer(send, 400, json.dumps(refused).encode())
                return
            start, body = await capture(app, scope, receive)
            odd = re.sub(
                rb'"numberOfOrders": ?"\d+"', f'"numberOfOrders": "{self.people[3].email} Anna"'.encode(), body, count=1
            )
            if b'"segments"' in body and b'"data"' in body:
                odd = json.dumps({"errors": [{"message": words, "extensions": {"code": "BAD"}}]}).encode()
            start["headers"] = [pair for pair in start["headers"] if pair[0] != b"content-length"]
            await send(start)
            await send({"type": "http.response.body", "body": odd, "more_body": False})

        return wrapped


async def answer(send: Any, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    world = hostile(make_world(5, people=60))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "make_app", Quoting(world, server.make_app))
        with serving(world, tmp_path_factory.mktemp("served")) as site:
            yield site


@pytest.fixture(scope="module")
def known(shop: Site) -> tuple[dict[str, bytes], set[bytes]]:
    """Return what must be nowhere ({what it is: bytes}, lower case), and the names, which are looked for as words."""
    needles: dict[str, bytes] = {"phone": PHONE[3:].encode(), "example.com": b"@example.com", "coded": b"%40example.com"}
    for person in shop.world.people.values():
        needles[f"member {person.number}"] = hashlib.md5(person.email.encode(), usedforsecurity=False).hexdigest().encode()
        needles[f"eid {person.number}"] = mc_eid(person.email).encode()
    needles |= {f"IP {end}": f"203.0.113.{end}".encode() for end in (7, 10, 11, 12)}
    for name, token in shop.info["secrets"].items():
        for form, text in {
            "plain": token,
            "quoted": quote(token, safe=""),
            "basic": base64.b64encode(f"persync:{token}".encode()).decode(),
            "base64": base64.b64encode(token.encode()).decode().rstrip("="),
        }.items():
            needles[f"{name} {form}"] = text.lower().encode()
    names = {name.encode() for person in shop.world.people.values() for name in (person.first_name, person.last_name)}
    return needles, names


def scan(places: dict[str, bytes], known: tuple[dict[str, bytes], set[bytes]]) -> list[tuple[str, str]]:
    """Return (place, what was found there)."""
    needles, names = known
    found = []
    for place, content in places.items():
        lower = content.lower()
        found += [(place, what) for what, needle in needles.items() if needle in lower]
        if not place.endswith((".parquet", ".xlsx")):
            # Among compressed bytes three letters in a row mean nothing; their texts are looked at below.
            words = set(re.findall(rb"(?<![\w-])[A-Z][a-z]{2,}(?![\w-])", content))
            found += [(place, word.decode()) for word in sorted(words & names)]
    return found


def written(folder: Path) -> dict[str, bytes]:
    """Return every file's bytes; of compressed ones also what they say."""
    places = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name in NOT_WRITTEN_BY_PERSYNC:
            continue
        places[str(path.relative_to(folder))] = path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            texts = [column.unique().to_pylist() for column in table.columns if "int" not in str(column.type)]
            places[f"{path.name} read"] = repr(texts).encode()
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                places |= {f"{path.name} {name}": book.read(name) for name in book.namelist()}
    return places


@pytest.fixture(scope="module")
def ran(shop: Site, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A whole run in debug mode: its project, and everything that was said and written."""
    folder = shop.project(tmp_path_factory.mktemp("ran") / "p")
    said: dict[str, bytes] = {}

    def run(*arguments: str) -> None:
        done = persync(folder, *arguments)
        assert "fault in persync" not in done.stderr, done.stderr[-2000:]
        said[" ".join(arguments)] = (done.stdout + "\n" + done.stderr).encode()

    # The files as they are while a reader keeps the write-ahead log from being folded in.
    run("pull", "--dry-run")
    run("pull", "files")
    with closing(sqlite3.connect(folder / "persync.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM contacts").fetchone()
        run("pull")
        assert (folder / "persync.db-wal").stat().st_size > 100_000
        said |= {f"while pulling: {name}": content for name, content in written(folder).items()}
    run("pull", "--rejects", "--format", "json")
    run("doctor", "--format", "json")
    run("reconcile")
    run("status")
    run("verify")
    for form in ("html", "text", "json", "md", "csv", "xlsx"):
        run("report", "--format", form, "--out", str(folder / f"report.{form}"))
    run("attribution", "--models", "all", "--format", "json")
    run("pull", shop.world.people[4].email)
    run("privacy", "erase", "--id", shop.world.people[4].email + ":1")
    return folder, said


def test_nothing_that_a_run_writes_or_says_names_anybody(
    ran: tuple[Path, dict[str, bytes]], known: tuple[dict[str, bytes], set[bytes]]
) -> None:
    folder, said = ran
    places = said | written(folder)

    assert scan(places, known) == []
    # The run went through all of it: records and answers that quote people, calls that were logged, files of every kind.
    text = b"".join(said.values())
    assert b"persync: httpx: HTTP Request: GET http://127.0.0.1" in text
    assert b"(address)" in text
    assert b"(secret)" in text
    with closing(sqlite3.connect(folder / "persync.db")) as db:
        rejects = db.execute("SELECT stream, field FROM rejects").fetchall()
        reasons = [reason for (reason,) in db.execute("SELECT reason FROM coverage WHERE state = 'hole'")]
        assert "Answer to (address)" in {title for (title,) in db.execute("SELECT title FROM campaigns")}
    assert ("customers", "numberOfOrders") in rejects
    assert len([reason for reason in reasons if "(address)" in reason and "(secret)" in reason]) >= 2, reasons
    assert len([name for name in places if name.endswith(".parquet")]) > 40


def test_what_a_killed_pull_leaves_behind_names_nobody(
    shop: Site, tmp_path: Path, known: tuple[dict[str, bytes], set[bytes]]
) -> None:
    folder = shop.project(tmp_path / "p")
    process = subprocess.Popen(
        [sys.executable, "-m", "persync.cli", "--project", str(folder), "pull"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PERSYNC_DEBUG": "1"},
    )
    arguments: list[bytes] = []
    kill_at = shop.calls + 130

    def kill(number: int) -> None:
        if number >= kill_at and not arguments:
            arguments.append(Path(f"/proc/{process.pid}/cmdline").read_bytes())
            os.kill(process.pid, signal.SIGKILL)

    shop.on_call = kill
    try:
        said, _ = process.communicate(timeout=120)
    finally:
        shop.on_call = lambda number: None

    assert process.returncode == -signal.SIGKILL
    assert (folder / "persync.db-wal").stat().st_size > 100_000
    assert scan({"said": said, "arguments": arguments[0]} | written(folder), known) == []


def three_vendors_person(world: World) -> SandboxPerson:
    bought = {order.person for order in world.orders}
    return next(
        person
        for person in world.people.values()
        if person.mailchimp_id and person.hubspot_id and person.shopify_id and person.number in bought
    )


MONEY = {
    "orders": "SELECT count(*), count(total_minor), sum(total_minor) FROM orders",
    "ledger": "SELECT entry, part, happened_at, amount_minor FROM order_ledger ORDER BY 1, 2, 3, 4",
    "lines": "SELECT count(*), sum(quantity), sum(price_minor) FROM order_lines",
    "counters": "SELECT campaign_key, variant, sent, opens, unique_opens, clicks, unique_clicks FROM campaign_counters"
    " ORDER BY 1, 2, number",
    "claims": "SELECT campaign_key, model, orders, amount_minor FROM claims WHERE order_key = 0 ORDER BY 1, 2",
}


def test_somebody_whom_three_vendors_know_stays_erased_and_every_total_stays(
    shop: Site, ran: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(ran[0], tmp_path / "p", ignore=shutil.ignore_patterns("report.*")))
    person = three_vendors_person(shop.world)
    needles = [person.hubspot_id, person.shopify_id, person.mailchimp_id]

    def money() -> dict[str, list[Any]]:
        with closing(sqlite3.connect(folder / "persync.db")) as db:
            return {name: db.execute(query).fetchall() for name, query in MONEY.items()}

    def gross() -> dict[str, Any]:
        told = json.loads(persync(folder, "reconcile", "--period", "2024..2026", "--format", "json").stdout)["results"]
        wanted = ("ledger_gross", "ledger_net", "shop_total")
        return {f"{one['id']} {one['by']}": one["value"] for one in told if one.get("id") in wanted}

    def holding() -> list[tuple[str, str]]:
        places = written(folder)
        return [(name, needle) for name, content in places.items() for needle in needles if str(needle).encode() in content]

    before, totals = money(), gross()
    assert totals
    assert {needle for _, needle in holding()} == set(needles)

    for pulls in ([["pull"], ["pull", "--full"]], [["pull"]]):
        erased = persync(folder, "privacy", "erase", "--stdin", input=person.email)
        assert erased.exit_code == 0, erased.stderr
        assert person.email not in erased.stdout + erased.stderr
        for arguments in pulls:
            assert persync(folder, *arguments).exit_code == 3, "what the vendor refuses, it refuses still"
        assert gross() == totals
        assert persync(folder, "report", "--format", "json", "--out", str(folder / "report.json")).exit_code == 0
        assert holding() == []
        assert money() == before

    with closing(sqlite3.connect(folder / "persync.db")) as db:
        events = db.execute("SELECT detail FROM log WHERE event = 'person erased'").fetchall()
    assert [re.fullmatch(r"tombstone [0-9a-f]{32}", detail) is not None for (detail,) in events] == [True] * len(events)
    lines = persync(folder, "verify").stdout.splitlines()
    assert [line for line in lines if line.startswith(("log, ", "erasure, ", "references, ", "ledger, ", "mirror, "))] == []
