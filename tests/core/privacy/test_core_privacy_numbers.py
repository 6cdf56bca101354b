"""What an erasure does to the numbers: money stays to the cent, credit of the erased becomes no_touch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from persync.cli import root


def results(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    told = CliRunner().invoke(root, ["--project", str(folder), *arguments, "--format", "json"], prog_name="persync")
    assert told.exit_code == 0, told.stderr
    found: list[dict[str, Any]] = json.loads(told.stdout)["results"]
    return found


MONEY = {"orders", "shop_total", "ledger_gross", "ledger_net", "bridge", "differences", "claims_total"}


def test_money_stays_to_the_cent_and_the_credit_of_the_erased_has_no_touch(filled: Path) -> None:
    folder = filled.parent
    (folder / "persync.toml").write_text('[store]\npath = "p.db"\n')

    def money() -> list[tuple[str, Any, Any]]:
        return [(one["id"], one["by"], one["value"]) for one in results(folder, "reconcile") if one["id"] in MONEY]

    def credit() -> dict[str, float]:
        return {one["by"]["channel"]: one["value"] for one in results(folder, "attribution", "--models", "last_touch")}

    before = money()
    assert ("ledger_net", {"connection": "shop"}, 20.5) in before
    assert credit() == {"email": 20.5}

    erased = CliRunner().invoke(
        root, ["--project", str(folder), "privacy", "erase", "--id", "shop:191167"], prog_name="persync"
    )

    assert erased.exit_code == 0
    assert money() == before
    assert credit() == {"(none)": 12.5, "email": 8.0}
