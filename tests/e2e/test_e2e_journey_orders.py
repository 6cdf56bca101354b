"""A real grocery year, imported as anybody would: monthly orders, their value and repeat purchases are those of the file."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from persync.cli import root

ONE_IN = 10
"""of the households are read: the others would say the same at ten times the cost"""


class Year:
    """The orders as they are in the file, and the project they were imported into."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder = folder
        with gzip.open(source, "rt", encoding="utf-8", newline="") as lines:
            self.orders = [row for row in csv.DictReader(lines) if int(row["household_id"]) % (2 * ONE_IN) == 0]
        (folder / "persync.toml").write_text('[report]\ntimezone = "UTC"\n', encoding="utf-8")
        with (folder / "orders.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(("order", "person", "at", "amount", "currency"))
            for row in self.orders:
                amount = f"{Decimal(row['sales_value']):.2f}"
                writer.writerow((row["order_id"], f"h{row['household_id']}", f"{row['ordered_at']}Z", amount, "USD"))
        self.run("import", "orders", str(folder / "orders.csv"))
        # Some orders of the file were placed in the first hours of 2018.
        self.orders = [row for row in self.orders if row["ordered_at"].startswith("2017")]

    def run(self, *arguments: str) -> str:
        done = CliRunner().invoke(root, ["--project", str(self.folder), *arguments], prog_name="persync")
        assert done.exit_code == 0, done.output
        return done.stdout

    def metric(self, id: str, *arguments: str) -> dict[str, dict[str, Any]]:
        told = json.loads(self.run("metric", id, "--format", "json", *arguments))
        return {one["id"]: one for one in told["results"]}

    @property
    def days(self) -> dict[str, list[str]]:
        """The days on which each household bought, in order."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in self.orders:
            found[row["household_id"]].add(row["ordered_at"][:10])
        return {household: sorted(days) for household, days in found.items()}


@pytest.fixture(scope="module")
def year(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Year:
    return Year(tmp_path_factory.mktemp("grocery"), shared / "data" / "journey_orders.csv.gz")


def test_every_months_orders_and_their_value_are_the_files(year: Year) -> None:
    """Number of orders and their mean, for each of the twelve months and for the year."""
    for period in (*(f"2017-{month:02d}" for month in range(1, 13)), "2017"):
        mine = [row for row in year.orders if row["ordered_at"].startswith(period)]
        told = year.metric("aov", "--period", period)["aov"]

        assert told["n"] == len(mine) == Counter(row["ordered_at"][: len(period)] for row in year.orders)[period]
        assert told["value"] == pytest.approx(float(sum(Decimal(row["sales_value"]) for row in mine)) / len(mine))
        assert told["low"] < told["value"] < told["high"]


def test_repeat_purchases_are_days_not_orders(year: Year) -> None:
    """Households with a second day of buying, and those whose second day came within 90 days of the first."""
    told = year.metric("repeat_purchase_rate", "--period", "2017")
    days = year.days

    again = [len(mine) > 1 for mine in days.values()]
    assert (told["repeat_purchase_rate"]["n"], told["repeat_purchase_rate"]["value"]) == (len(days), sum(again) / len(again))
    assert told["repeat_within"]["n"] == sum(mine[0] < "2017-10-03" for mine in days.values())
    assert len(days) < len(year.orders) / 10


def test_value_to_an_age_is_what_the_file_adds_up_to(year: Year) -> None:
    """The year's money a household, to the cent."""
    told = json.loads(year.run("metric", "cltv_historic", "--format", "json", "--period", "2017"))["results"]

    so_far = next(one for one in told if one["id"] == "cltv_historic" and one["by"]["age"] == "to date")
    total = sum(Decimal(f"{Decimal(row['sales_value']):.2f}") for row in year.orders)
    assert so_far["value"] == pytest.approx(float(total) / len(year.days))


def test_every_metric_of_value_answers(year: Year) -> None:
    """Each with a value or with a reason, for a shop of groceries with no mail at all."""
    for number in ("retention_rate", "churn_rate", "purchase_frequency", "customer_lifespan", "cltv_simple", "next_order_gap",
                   "cohort_retention", "cohort_value", "cltv_predictive", "cltv_lift", "share_of_wallet"):  # fmt: skip
        for one in year.metric(number, "--period", "2017").values():
            assert (one["value"] is None) == (one["reason"] is not None)
