"""What must not be shown is not shown, in whatever form somebody repeats it."""

from __future__ import annotations

import base64
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from persync import redact
from persync.connect.client import Client
from persync.connect.connector import ConnectionSettings, Connector
from persync.connect.outgoing import post_json
from persync.connect.stream import Request
from persync.errors import PersyncError, ResponseError
from persync.redact import anonymous, names_somebody, redacted, register, register_header
from persync.testing.sink import sinking

TOKEN = "tok_5f0c/9e+81~d27ab=c63"


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets of one test are no other test's."""
    monkeypatch.setattr(redact, "_secrets", {})
    register(TOKEN)


@pytest.mark.parametrize(
    "spelt",
    [
        TOKEN,
        quote(TOKEN),
        quote(TOKEN, safe="").lower(),
        "".join(f"%{ord(c):02X}" for c in TOKEN),
        base64.b64encode(f"persync:{TOKEN}".encode()).decode(),
        base64.urlsafe_b64encode(f"u:{TOKEN}".encode()).decode().rstrip("="),
        "=" + base64.b64encode(TOKEN.encode()).decode(),
        TOKEN[:14],
    ],
    ids=["plain", "quoted", "all-quoted", "each-quoted", "basic", "url-safe", "after-a-sign", "cut"],
)
def test_a_secret_is_known_in_every_form(spelt: str) -> None:
    text = redacted(f"the vendor says {spelt} is wrong")

    assert spelt not in text
    assert "(secret)" in text
    assert text.endswith("is wrong")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ann@example.com was cleaned.", "(address) was cleaned."),
        ("'Ann O.' <ann.o'x+1@mail.example.com>", "'Ann O.' <(address)>"),
        ('"ann lee"@example.com', "(address)"),
        ("'o'ann@example.com' and ''ann@example.com", "(address)' and (address)"),
        ("email=ann%40example.com&x", "email=(address)&x"),
        ("ann&#64;example.com ann\uff20example.com", "(address) (address)"),
        ("https://ann:pass@host.example.com/p", "https://host.example.com/p"),
        ("GET https://h.example.com/lists/1?email=x&y=2 failed", "GET https://h.example.com/lists/1?(query) failed"),
        ("GET /files/a?sig=abc", "GET /files/a?(query)"),
        ("GET x?y/z?sig=abc, '/a#b/c?d=e' /f?g", "GET x?y/z?(query) '/a?(query)' /f?g"),
        ("call +1 (555) 010-0123 or 555-010-0199", "call (number) or (number)"),
        ("from 203.0.113.10 and 2001:db8::7", "from (IP) and (IP)"),
        ("Authorization: Bearer abc123def456", "Authorization: Bearer (secret)"),
    ],
)
def test_addresses_numbers_ips_and_queries_go_by_their_form(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "shop, POST graphql.json, request 123e4567-e89b-12d3-a456-426614174000: the bucket is empty.",
        "cannot reach 127.0.0.1:9. It came at 2025-03-01T12:30:45.123+0200 (version 2026-10, 1,234,567.89 of 5 %).",
        "persync.toml, line 7, [connections.shop]: what is 'days'? Write from = 2025-03-01.",
        "A basic subscription; bearer tokens.",
        "there is no metric '@SUM(1+1)'.",
    ],
)
def test_what_names_nobody_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text
    assert not names_somebody(text)


@pytest.mark.parametrize("unit", ["a", "/", "?/", "a/b?", "'", "://", "%40", "bearer 1", "1:", "+1 ", "a.", '"a"', "=&"])
def test_a_megabyte_of_one_thing_is_looked_through_once(unit: str) -> None:
    """A pattern that began anew at every letter would never come to the end of this."""
    long = unit * (1_000_000 // len(unit))

    assert len(redacted(f"{long} @ {long}")) > 0
    assert len(anonymous(f"{long} @ {long}")) > 0


def test_short_words_are_no_secrets() -> None:
    register("token", "")

    assert redacted("a token is missing") == "a token is missing"


def test_a_signed_header_is_known_with_and_without_its_scheme() -> None:
    register_header("Bearer granted-at-run-time-0001")
    register_header("plain-header-secret-2")

    assert redacted("granted-at-run-time-0001, plain-header-secret-2") == "(secret), (secret)"


def test_an_error_shows_none_of_it_whoever_wrote_it() -> None:
    error = PersyncError(f"{TOKEN} is not ann@example.com's.", where="mail, GET /x", hint=f"Ask ann@example.com for {TOKEN}.")

    assert (error.what, error.hint) == ("(secret) is not (address)'s.", "Ask (address) for (secret).")
    assert str(error) == "mail, GET /x: (secret) is not (address)'s. Ask (address) for (secret)."
    assert error.args == (error.what,)
    error.hint = f"Late: {TOKEN}"
    assert str(error).endswith("Late: (secret)")


class Quoting(Connector):
    """A connector that repeats whatever a vendor says, cut as vendors' words are."""

    name = "quoting"
    title = "Quoting"

    def base_url(self) -> str:
        return "https://api.example.com"

    def headers(self, client: Client) -> dict[str, str]:
        return {"Authorization": "Bearer session-granted-9f1e2d3c"}

    def failure(self, status: int, headers: object, body: bytes) -> PersyncError | None:
        return ResponseError(f"it says: {body.decode()[:60]}") if status >= 400 else None

    def request_id(self, headers: object, body: bytes) -> str:
        return "ann@example.com"


def test_an_address_that_is_a_secret_is_not_logged_however_it_was_spelt(caplog: pytest.LogCaptureFixture) -> None:
    """What logs the call writes the host in small letters."""
    with sinking() as sink, caplog.at_level("INFO", "httpx"):
        post_json("a webhook", sink.url.replace("http://127.0.0.1", "http://LOCALHOST") + "/T0/not-for-you", {"a": 1})

    assert (len(sink.taken), len(caplog.messages)) == (1, 1)
    assert caplog.messages[0].startswith("HTTP Request: POST (secret) ")


def test_a_vendors_words_are_cleaned_before_a_connector_cuts_them() -> None:
    told = f"{'x' * 40} session-granted-9f1e2d3c and {TOKEN}, ann.marie.somebody@example.com"
    transport = httpx.MockTransport(lambda request: httpx.Response(400, text=told))
    connector = Quoting("q", ConnectionSettings(connector="quoting"), {})
    with Client(connector, transport=transport) as client, pytest.raises(ResponseError) as caught:
        client.send(Request("GET", "people"))

    text = str(caught.value)
    assert text == f"q, GET people, request (address): it says: {'x' * 40} (secret) and (secre"
    assert "session" not in repr(caught.value)


CHATTER = """
import logging, sys, threading, warnings
from persync.cli.logs import start
from persync.cli.tracebacks import hold_tracebacks
from persync.redact import register
hold_tracebacks()
start(debug=True)
start(debug=True)
token = "tok_5f0c9e81d27abc63"
register(token)
logging.getLogger("httpx").info("HTTP Request: GET %s", f"https://h.example.com/x?key={token}")
logging.getLogger("stranger").warning("%s wrote", "ann@example.com")
logging.getLogger("stranger").info("not shown")
try:
    raise ValueError(f"Ann Lee has {token}")
except ValueError:
    logging.getLogger("persync.x").exception("it broke")
logging.getLogger("persync.x").warning("%d", "no number")
warnings.warn(f"old: {token}")
def fail():
    raise KeyError("Ann Lee")
thread = threading.Thread(target=fail); thread.start(); thread.join()
class Bad:
    def __del__(self): raise OSError("Ann Lee")
Bad()
raise RuntimeError("Ann Lee " + token)
"""


def test_every_log_record_warning_and_traceback_goes_through_one_door() -> None:
    done = subprocess.run([sys.executable, "-c", CHATTER], capture_output=True, text=True, check=False)

    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert "Ann Lee" not in done.stderr
    assert "tok_5f" not in done.stderr
    assert [line.split(" at ")[0] for line in lines if line.startswith("persync")] == [
        "persync: httpx: HTTP Request: GET https://h.example.com/x?(query)",
        "persync: stranger: (address) wrote",
        "persync: persync.x: it broke (ValueError",
        "persync: persync.x: a message that cannot be written (TypeError)",
        "persync: py.warnings: <string>:19: UserWarning: old: (secret)",
        "persync: a fault in a thread: KeyError",
        "persync: a fault while cleaning up: OSError",
        "persync: a fault in persync: RuntimeError",
    ]


def test_without_debug_mode_only_warnings_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    from persync.cli.logs import start

    root = logging.getLogger()
    before = list(root.handlers)
    try:
        start()
        logging.getLogger("httpx").info("a call")
        logging.getLogger("persync").warning("heed this")
    finally:
        for handler in set(root.handlers) - set(before):
            root.removeHandler(handler)
        logging.captureWarnings(False)

    assert capsys.readouterr().err == "persync: persync: heed this\n"


def test_what_is_typed_in_the_wrong_place_is_not_repeated(persync_root: Callable[..., str]) -> None:
    assert "ann@" not in persync_root("ann@example.com")
    assert "ann@" not in persync_root("status", "ann@example.com")
    assert TOKEN not in persync_root("pull", "--wait", TOKEN)


@pytest.fixture
def persync_root() -> Callable[..., str]:
    from click.testing import CliRunner

    from persync.cli import root

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(root, arguments, prog_name="persync")
        assert result.exit_code == 2
        return result.output

    return run


def test_free_texts_of_vendors_are_stored_without_people(tmp_path: Path) -> None:
    from persync import rows
    from persync.rows import Action, CampaignRef, OrderRef, Person
    from persync.store.store import open_store
    from persync.store.write import Writer

    said = "for ann@example.com, +1 555 010 0123"
    person, mail = Person(("id", "1")), CampaignRef(("id", "m"), ("utm", "ann@example.com"))
    order = OrderRef("7")
    with open_store(tmp_path / "p.db", create=True) as store:
        writer = Writer(store, "any", "any", now=1)
        with store.transaction():
            writer.write(
                [
                    rows.Campaign(mail, kind="regular", title=f"Letter {said}", subject=said),
                    rows.Evidence(mail, "content", (("segment", said),)),
                    rows.Variant(mail, "a", label=said),
                    rows.Segment("tag", "5", name=said, rule=f"email = 'ann%40example.com' {said}"),
                    rows.Field("L", "F", "text", said),
                    rows.Product("p", title=said),
                    rows.PromoCode("r", "ann@example.com"),
                    rows.OrderDiscount(order, "1", "code", "ann@example.com", 5, "EUR"),
                    rows.Attribute(person, "country", said, "consent"),
                    rows.Ticket("t", category=said),
                    rows.Touchpoint(
                        mail, person, Action.CLICK, 5, link=f"https://h.example.com/ann@example.com?e={said}", source=said
                    ),
                ]
            )
        tables = [name for (name,) in store.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        texts = {
            (table, value)
            for table in tables
            for row in store.db.execute(f"SELECT * FROM {table}")
            for value in row
            if isinstance(value, str) and ("ann@" in value or "ann%40" in value or "555 010" in value)
        }
        title = store.db.execute("SELECT title FROM campaigns").fetchone()[0]

    assert texts == set()
    assert title == "Letter for (address), (number)"
