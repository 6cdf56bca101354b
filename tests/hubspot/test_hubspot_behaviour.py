"""The page on what HubSpot really does names a test for every line, and every one of them exists."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from persync_hubspot import streams
from persync_hubspot.connector import HubSpot, HubSpotSettings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "hubspot.md"
HEAD = "endpoint, field or trap"


@cache
def lines() -> list[tuple[str, str, str]]:
    """Return (trap, rule, tests) of every line of the hand-written tables."""
    text = PAGE.read_text("utf-8").partition("## What HubSpot really does")[2]
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    cells = [tuple(cell.strip() for cell in row) for row in rows]
    return [(row[0], row[1], row[2]) for row in cells if row[0] not in ("---", HEAD)]


def test_every_line_has_a_rule_and_a_test() -> None:
    assert len(lines()) > 80
    for trap, rule, tests in lines():
        assert trap
        assert rule
        assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*", tests), trap


def test_every_test_that_is_named_exists() -> None:
    named = {test for _, _, tests in lines() for test in re.findall(r"`(test_\w+)`", tests)}
    known = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }

    assert named - known == set()


def test_every_part_of_what_is_known_of_hubspot_has_lines() -> None:
    """Versions, sign-in, limits, objects, properties, e-mail, consent, sources of facts, peers."""
    parts = {part for trap, _, _ in lines() for part in trap.partition(":")[0].split(", ")}

    assert set("12367") | {"8", "9"} <= parts


# -- rules that hold for all streams ---------------------------------------------------------------------------------------


def test_one_host_serves_every_account() -> None:
    assert HubSpot("h", HubSpotSettings(connector="hubspot"), {"token": "x"}).base_url() == "https://api.hubapi.com"


@pytest.mark.parametrize(
    "left_out",
    [
        "statistics/list",
        "event-occurrences",
        "/reports/metrics",
        "/reports/contacts",
        "marketing-events",
        "/exports/",
        "/statuses/{",
        "gdpr-delete",
    ],
)
def test_what_is_left_out_is_not_asked_for(left_out: str) -> None:
    """And no stream builds such a path by itself: the sources do not hold it."""
    code = "".join(path.read_text("utf-8") for path in (ROOT / "plugins/hubspot/persync_hubspot").glob("[!s]*.py"))

    assert not [stream.name for stream in streams.STREAMS if left_out in stream.path]
    assert f'"{left_out}' not in code


def test_nothing_is_ever_written_to_hubspot(account: Any, tmp_path: Path) -> None:
    """Every POST of a whole pull is a search or a batch read."""
    from persync.connect.pull import PullOptions, pull

    names = tuple(stream.name for stream in streams.STREAMS)
    pull(tmp_path / "a.db", [account.connector()], PullOptions(now=account.world.now, streams=names), client=account.client)

    posted = {call.url.path for call in account.transport.calls if call.method == "POST"}
    assert {call.method for call in account.transport.calls} == {"GET", "POST"}
    assert [path for path in posted if not path.endswith(("/search", "/batch/read", "/batch/unsubscribe-all/read"))] == []
