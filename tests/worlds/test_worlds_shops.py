"""The product's own scan of whole shops, drawn by seed into its tables: silent where all are treated alike, heard where not."""

from __future__ import annotations

from scipy.stats import binom

from persync.measure.fairness.directions import MEANS, RATES
from worlds import shops

SEEDS = 200
"""`make coverage` scans as many as it is told"""


def test_the_scan_of_shops_that_treat_everybody_alike_raises_no_alarm_but_for_the_promised_share() -> None:
    """Every parity by two attributes and their crossing, with one adjustment over all: no alarm in the 99.9 % band of 95 %."""
    silent = sum(shops.alarms(shops.scanned(seed)) == 0 for seed in range(SEEDS))

    assert binom.ppf(0.0005, SEEDS, 0.95) == 179
    assert 179 <= silent < SEEDS  # one that raises none at all would be deaf


def test_the_scan_of_a_shop_compares_every_parity_that_there_is() -> None:
    """No measure is missing from what is adjusted together, but for the one that decisions without mail do not have."""
    found, _ = shops.compared(0)

    assert {gap.measure for gap in found} == {*RATES, *MEANS}
    assert {gap.by.get("outcome") for gap in found if gap.measure == "benefit_difference"} == {"revenue", "saving"}


def test_a_rule_that_keeps_personalised_mail_from_half_of_one_place_is_found_by_its_name() -> None:
    for seed in range(3):
        found = shops.scanned(seed, spared=0.6)

        worse = {(e.by["attribute"], e.by["group"]) for e in found if e.id == "bias_gap" and e.by["of"] == "worse"}
        reached = {e.by["group"] for e in found if e.by.get("measure") == "exposure_rate" and e.by["of"] == "worse"}
        assert ("place", "FR") in worse
        assert reached == {"FR"}
