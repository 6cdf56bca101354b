"""The page on what Shopify really does names a test for every line, and every one of them exists."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "shopify.md"


@cache
def lines() -> list[tuple[str, str, str]]:
    """Return (trap, rule, tests) of every line of the hand-written tables."""
    text = PAGE.read_text("utf-8").partition("## What Shopify really does")[2]
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [
        (row[0].strip(), row[1].strip(), row[2].strip())
        for row in rows
        if row[0].strip() not in ("---", "endpoint, field or trap")
    ]


def test_every_line_has_a_rule_and_a_test() -> None:
    assert len(lines()) > 100
    for trap, rule, tests in lines():
        assert trap
        assert rule
        assert re.fullmatch(r"(`test_\w+`(, )?)+", tests), trap


def test_every_test_that_is_named_exists() -> None:
    named = {test for _, _, tests in lines() for test in re.findall(r"`(test_\w+)`", tests)}
    known = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }

    assert named - known == set()


def test_all_nine_parts_are_there() -> None:
    text = PAGE.read_text("utf-8")

    assert re.findall(r"^### (\d)\. ", text, re.MULTILINE) == list("123456789")


def test_every_stream_has_a_line_or_is_made_by_one() -> None:
    """A stream without a known behaviour would be one that nobody looked at."""
    from persync_shopify.connector import Shopify

    text = PAGE.read_text("utf-8")
    assert [stream.name for stream in Shopify.streams if f"`{stream.name}`" not in text] == []
