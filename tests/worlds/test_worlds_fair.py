"""The scan for bias over many seeded shops: silent where all are treated alike, heard where a rule leaves some out."""

from __future__ import annotations

from scipy.stats import binom

from worlds import fair

SEEDS = 200


def test_where_all_are_treated_alike_the_scan_raises_no_alarm_but_for_the_promised_share() -> None:
    """200 fixed seeds: no alarm in at least 179, the 99.9 % band of 95 %; and some alarm, or it would be deaf."""
    silent = sum(not fair.scan(seed).alarms(fair.ASK) for seed in range(SEEDS))

    assert binom.ppf(0.0005, SEEDS, 0.95) == 179
    assert 179 <= silent < SEEDS


def test_a_rule_that_leaves_half_of_one_place_out_is_found_by_its_name_in_every_shop() -> None:
    """France gets half of the mail: the surest alarm names it as worse off, and nothing else but what it brings about."""
    for seed in range(20):
        shown, _ = fair.scan(seed, spared=0.5).shown(fair.ASK)

        first = shown[0][0]
        assert (first.measure, first.by["attribute"], first.by["group"], first.is_worse) == (
            "exposure_rate",
            "place",
            "FR",
            True,
        )
        assert first.interval.low < -0.225 < first.interval.high or abs(first.interval.value + 0.225) < 0.08
