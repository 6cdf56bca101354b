"""A small shop in a project of its own, and persync called on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fuzz.shop import PLACES, make_shop
from persync import rows
from persync.cli import root
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

NOW = 1_700_006_400_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder: 60 people, 30 orders, three connections; an imported visit and an order whose ids are addresses."""
    folder = tmp_path_factory.mktemp("shop")
    make_shop(folder, {place: f"a {place}" for place in PLACES})
    with open_store(folder / "persync.db") as store:
        writer = Writer(store, "files", "files", now=NOW)
        with store.transaction():
            who = rows.Person(("email", "p1@example.com"))
            order = rows.OrderRef("ann@example.com 1", "corner.example", "77", "#77")
            writer.write(
                [
                    rows.Session("visit 7", who, NOW, "letter", "email", None, "phone", 3, 9.5, False, None, False),
                    rows.Order(order, "order", who, NOW, "paid", False, currency="JPY", total_minor=-1200),
                    rows.LedgerEntry(order, "s1", "sale", "product", NOW, -1200, "JPY"),
                    rows.Cost("c-1", NOW, "mail to ann@example.com", -1250, "EUR", ""),
                ]
            )
        derive(store)
    return folder


@pytest.fixture(scope="module")
def persync(shop: Path) -> Callable[..., Result]:
    """Call persync in the shop's folder."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(root, ["--project", str(shop), *arguments], prog_name="persync")

    return run
