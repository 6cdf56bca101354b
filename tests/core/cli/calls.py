"""What the tests of commands share: calling, and reading what was said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]

MAIL = '[connections.news]\nconnector = "mailchimp"\n'
SHOP = '[connections.shop]\nconnector = "shopify"\nshop = "mine"\n'
SECRETS = {"MAILCHIMP_API_KEY": "0123456789abcdef-us10", "SHOPIFY_ACCESS_TOKEN": "shpat_0123456789"}
OWN = '[connections.own]\nconnector = "files"\nfiles = [{ kind = "outcomes", path = "visits.csv" }]\n'
PLATFORMS = """\
[connections.mail]
connector = "mailchimp"

[connections.crm]
connector = "hubspot"

[connections.shop]
connector = "shopify"
shop = "my-shop"
"""
"""a project that reads all three vendors"""


def project(folder: Path, text: str) -> None:
    (folder / "persync.toml").write_text(text)


def said(result: Result, code: int) -> str:
    """Return what stderr says: one line, no traceback, and this exit code."""
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit | type(None))
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("persync: ")
    return lines[0].removeprefix("persync: ")
