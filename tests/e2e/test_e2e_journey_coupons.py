"""A year of real coupon campaigns, imported as anybody would: who redeemed, by kind of campaign and by age."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from statsmodels.stats.proportion import proportion_confint

from persync.cli import root

SETTINGS = '[report]\ntimezone = "UTC"\nlookback_days = 120\n'
"""the longest campaign ran for 70 days"""


def rows(source: Path) -> list[dict[str, str]]:
    with gzip.open(source, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


class Coupons:
    """The campaigns as they are in the files, and the project they were imported into.

    A person is a household in one campaign, since households got several. What was bought on a day of redemption is the order.
    """

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.campaigns = {row["campaign_id"]: row for row in rows(data / "journey_campaigns.csv.gz")}
        self.sent = [(row["campaign_id"], row["household_id"]) for row in rows(data / "journey_campaign_recipients.csv.gz")]
        self.ages = {row["household_id"]: row["age"] for row in rows(data / "journey_demographics.csv.gz")}
        used = {
            (row["campaign_id"], row["household_id"], row["redemption_date"])
            for row in rows(data / "journey_coupon_redemptions.csv.gz")
        }
        spent: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for row in rows(data / "journey_orders.csv.gz"):
            spent[row["household_id"], row["ordered_at"][:10]] += Decimal(row["sales_value"])
        self.redeemed = {(campaign, household) for campaign, household, _ in used} & set(self.sent)
        (folder / "persync.toml").write_text(SETTINGS, encoding="utf-8")
        self.read(
            "touchpoints",
            ("person", "at", "channel", "campaign", "action"),
            ((f"c{c}-h{h}", f"{self.campaigns[c]['start_date']}T00:00:00Z", "letter", f"c{c}", "send") for c, h in self.sent),
        )
        self.read(
            "orders",
            ("order", "person", "at", "amount", "currency"),
            (
                (f"{c}-{h}-{day}", f"c{c}-h{h}", f"{day}T12:00:00Z", f"{spent[h, day]:.2f}", "USD")
                for c, h, day in sorted(used)
                if (c, h) in self.redeemed
            ),
        )
        self.read("attributes", ("person", "name", "value", "basis"), ((*one, "told in a survey") for one in self.known()))

    def known(self) -> Iterator[tuple[str, str, str]]:
        """Yield what is known of each recipient: the kind of campaign, and of a third of the households the age."""
        for campaign, household in self.sent:
            yield f"c{campaign}-h{household}", "kind", self.campaigns[campaign]["campaign_type"]
            if age := self.ages.get(household):
                yield f"c{campaign}-h{household}", "age", age

    def read(self, kind: str, columns: tuple[str, ...], lines: Any) -> None:
        path = self.folder / f"{kind}.csv"
        with path.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([columns, *lines])
        self.run("import", kind, str(path))

    def run(self, *arguments: str) -> str:
        done = CliRunner().invoke(root, ["--project", str(self.folder), *arguments], prog_name="persync")
        assert done.exit_code == 0, done.output
        return done.stdout

    def rates(self, by: str) -> dict[str, tuple[int, float, float, float]]:
        told = json.loads(self.run("metric", "segment_conversion_rate", "--by", by, "--format", "json"))["results"]
        found = [one for one in told if one["id"] == "segment_conversion_rate"]
        return {one["by"][by]: (one["n"], one["value"], one["low"], one["high"]) for one in found}

    def counted(self, group: Any) -> dict[str, tuple[int, float, float, float]]:
        """Count the files themselves, with the Wilson interval of statsmodels."""
        n: dict[str, int] = defaultdict(int)
        hits: dict[str, int] = defaultdict(int)
        for campaign, household in self.sent:
            n[group(campaign, household)] += 1
            hits[group(campaign, household)] += (campaign, household) in self.redeemed
        return {
            name: (n[name], hits[name] / n[name], *map(float, proportion_confint(hits[name], n[name], method="wilson")))
            for name in n
        }


@pytest.fixture(scope="module")
def coupons(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Coupons:
    return Coupons(tmp_path_factory.mktemp("coupons"), shared / "data")


def test_redemption_by_kind_of_campaign_has_wilsons_interval(coupons: Coupons) -> None:
    told = coupons.rates("kind")
    wanted = coupons.counted(lambda campaign, _: coupons.campaigns[campaign]["campaign_type"])

    assert set(told) == {"Type A", "Type B", "Type C"}
    assert {name: one[0] for name, one in told.items()} == {name: one[0] for name, one in wanted.items()}
    for name, one in told.items():
        assert one[1:] == pytest.approx(wanted[name][1:], abs=1e-9)


def test_households_of_unknown_age_are_a_group_of_their_own(coupons: Coupons) -> None:
    told = coupons.rates("age")
    wanted = coupons.counted(lambda _, household: coupons.ages.get(household) or "unknown")

    assert set(told) == set(wanted)
    assert told["unknown"][0] > sum(n for name, (n, *_) in told.items() if name != "unknown") / 2
    for name, one in told.items():
        assert one == pytest.approx(wanted[name], abs=1e-9)
