"""`persync connect` says where a token is made, what it must see, and what rests on that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli.calls import Run, said
from persync.connect.guide import guide_lines, scopes_of
from persync.plugins import load_plugins

TOLD = {
    "shopify": ["Dev Dashboard", "read_all_orders", "last 60 days alone", "Protected customer data", "client id"],
    "hubspot": ["Keys > Service keys", "content: ", "Marketing Professional", "until September 2027"],
    "mailchimp": ["API keys", "-us10", "no scopes"],
}


@pytest.mark.parametrize("vendor", TOLD)
def test_the_guide_names_the_place_the_scopes_and_what_is_missed(persync: Run, tmp_path: Path, vendor: str) -> None:
    """Every scope that a stream of each pull declares is told with its facts; nothing is asked and nothing written."""
    kind = load_plugins().connectors[vendor]

    result = persync("connect", vendor, "--guide")

    text = " ".join(result.stdout.split())
    assert (result.exit_code, result.stderr, list(tmp_path.iterdir())) == (0, "", [])
    assert [word for word in TOLD[vendor] if word not in text] == []
    assert [scope for scope, facts in scopes_of(kind).items() if f"- {scope}: {', '.join(facts)}" not in text] == []
    assert kind.guide is not None
    assert kind.guide.page.startswith("https://")
    assert kind.guide.page in result.stdout  # whole on its line, to be clicked
    assert max(len(line.removesuffix(kind.guide.page)) for line in result.stdout.splitlines()) <= 100


def test_the_guide_of_a_connector_that_is_not_there_names_the_nearest(persync: Run) -> None:
    assert said(persync("connect", "shopfy", "--guide"), 2) == "there is no connector 'shopfy'. Did you mean 'shopify'?"


def test_the_guide_is_shown_before_a_secret_is_asked_for(persync: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persync.cli.context.is_interactive", lambda: True)

    result = persync("connect", "mailchimp", "--no-check", input="0123456789abcdef-us10\n")

    first = next(guide_lines(load_plugins().connectors["mailchimp"]))
    assert result.exit_code == 0
    assert result.stderr.startswith(first)
    assert "0123456789abcdef" not in result.output


def test_connect_says_how_many_streams_can_be_read(persync: Run, answering: Callable[[int, str, bytes], str]) -> None:
    """The account answers, and each stream is asked for its smallest answer."""
    url = answering(200, "application/json", b'{"account_id": "1", "role": "owner", "stores": [], "total_items": 0}')

    result = persync(
        "connect", "mailchimp", "--set", f"base_url={url}", "--secret-stdin", "token", input="0123456789abcdef-us10\n"
    )

    count = len(load_plugins().connectors["mailchimp"].streams)
    assert result.exit_code == 0
    assert f" of {count} can be read\n" in result.stderr
