"""Costs, gains and returns: of which days, in which currency, judged together."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from core.measure.metric_cases import DAY, campaign, compute, send
from persync.measure import METRICS, costs, returns
from persync.measure.metric import Ask, Experiment
from persync.measure.verdict import Verdict


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_amortised_costs_fall_into_their_months_and_add_up(platforms: Any) -> None:
    """100.00 over three months from the 31st of January: a third each, the cent in the last, on each month's last day."""
    platforms.add(
        "costs",
        entry="1",
        happened_at=ms("2026-01-31"),
        category="setup",
        amount_minor=10000,
        currency="EUR",
        amortise_months=3,
    )
    platforms.add("costs", entry="2", happened_at=ms("2026-02-10"), category="tool", amount_minor=5000, currency="EUR")

    def cost(*period: str) -> float | int | None:
        first, last = (ms(day) for day in period)
        return compute(platforms, "personalisation_cost", Ask(now=10**13, period=(first, last)))[0].value

    assert [cost("2026-01-01", "2026-02-01"), cost("2026-02-01", "2026-03-01"), cost("2026-03-01", "2026-04-01")] == [
        33.33,
        83.33,
        33.34,
    ]
    assert costs.months_later(ms("2026-01-31"), 1) == ms("2026-02-28")
    (made,) = compute(platforms, "personalisation_cost")
    assert (made.value, made.note) == (150.0, "nothing entered for content, labour, data, discount")
    by = compute(platforms, "personalisation_cost", Ask(now=10**13, by=("category",)))
    assert [(e.by, e.value) for e in by] == [({"category": "setup"}, 100.0), ({"category": "tool"}, 50.0)]


def test_costs_in_two_currencies_are_not_added(platforms: Any) -> None:
    """Refused, not converted at a made-up rate."""
    for entry, currency in (("1", "EUR"), ("2", "USD")):
        platforms.add("costs", entry=entry, happened_at=5, category="tool", amount_minor=100, currency=currency)

    assert [(e.value, e.reason) for e in compute(platforms, "personalisation_cost")] == [(None, "mixed_currencies")]


def test_the_currency_that_is_named_helps_once_it_is_set(platforms: Any) -> None:
    """Costs are turned into any that is set; what is held against orders has to be in theirs."""
    day = 1_704_448_800_000  # 2024-01-05
    for entry, currency in (("1", "USD"), ("2", "GBP")):
        platforms.add("costs", entry=entry, happened_at=day, category="tool", amount_minor=2600, currency=currency)
    platforms.order(1, 1, 10000, ordered_at=day)
    chosen = (None, "USD", "EUR")

    cost, ratio = (
        {one: compute(platforms, id, Ask(now=10**13, currency=one))[0] for one in chosen}
        for id in ("personalisation_cost", "mer")
    )

    assert [cost[one].value is None for one in chosen] == [True, False, False]
    assert [ratio[one].value is None for one in chosen] == [True, True, False]
    known = "orders in EUR: 1; costs in GBP, USD"
    assert cost[None].note.endswith(f"{known}; set currency under [report] in persync.toml to have them turned into one")
    own = 'set currency = "EUR" under [report] in persync.toml to have the rest turned into that of the orders'
    assert [ratio[one].note.endswith(f"{known}; {own}") for one in (None, "USD")] == [True, True]


def test_efficiency_is_all_money_that_moved_over_all_costs(platforms: Any) -> None:
    """The dated ledger of the period, refunds when they happened, tax out, over the costs of the period."""
    platforms.order(1, 1, 10000, tax=1900, ordered_at=10)
    platforms.post(1, -4000, "product", entry="back", event="refund", at=60)
    platforms.order(2, None, 3000, ordered_at=20)
    platforms.add("costs", entry="1", happened_at=5, category="tool", amount_minor=2600, currency="EUR")

    assert compute(platforms, "mer", Ask(now=10**13, period=(0, 50)))[0].value == 5.0
    assert compute(platforms, "mer")[0].value == pytest.approx(90 / 26)
    assert compute(platforms, "mer", Ask(now=10**13, period=(10, 50)))[0].reason == "no_cost_in_period"


def test_efficiency_counts_orders_and_leaves_out_those_of_the_future(platforms: Any) -> None:
    """Four ledger entries are of two orders; without any order there is no ratio, not one of nothing."""
    platforms.add("costs", entry="1", happened_at=5, category="tool", amount_minor=2600, currency="EUR")
    without = compute(platforms, "mer")[0]
    platforms.order(1, 1, 10000, tax=1900, ordered_at=10)
    platforms.post(1, -4000, "product", entry="back", event="refund", at=60)
    platforms.order(2, None, 3000, ordered_at=20)
    platforms.order(3, 2, 70000, ordered_at=500)

    made = compute(platforms, "mer", Ask(now=100))[0]
    later = compute(platforms, "mer", Ask(now=100, period=(0, 400)))[0]

    assert (without.value, without.reason, without.n) == (None, "no_orders", None)
    assert (made.value, made.n) == (pytest.approx(90 / 26), 2)
    assert "1 order dated in the future is left out" in made.note
    assert (later.value, later.n, "future" in later.note) == (pytest.approx(90 / 26), 2, False)


@pytest.fixture
def tested(platforms: Any) -> Any:
    """100 treated and 100 held back: everybody buys, for 30.00 to 31.98 and for 20.00 to 21.98."""
    platforms.load("assignments", connection=[3] * 200, experiment=["t"] * 200, key_id=range(200), arm=["on", "off"] * 100)
    for person in range(200):
        platforms.order(person + 1, person, (3000 if person % 2 == 0 else 2000) + person // 2 * 2, ordered_at=5)
    return platforms


CONTROLLED = {"t": Experiment("t", control="off")}


def test_incremental_revenue_is_the_difference_times_the_treated(tested: Any) -> None:
    """100 people at 10.00 more each brought 1,000.00."""
    arm, whole = compute(tested, "incremental_revenue", Ask(now=10**13, experiments=CONTROLLED))

    assert (arm.value, arm.unit, arm.label, arm.n) == (pytest.approx(1000.0), "EUR", "randomised", 200)
    assert arm.by == {"experiment": "t", "arm": "on", "against": "off"}
    assert (whole.value, whole.by) == (arm.value, {"experiment": "t"})


def test_arms_that_share_a_control_are_added_with_what_they_share(platforms: Any) -> None:
    """The interval of the sum is wider than if each arm had a control of its own."""
    draw = np.random.default_rng(3)
    arms = ["a", "b", "none"]
    platforms.load(
        "assignments", connection=[3] * 300, experiment=["t"] * 300, key_id=range(300), arm=[arms[i % 3] for i in range(300)]
    )
    spent = [int(x) for x in draw.integers(500, 3000, 300)]
    for person, minor in enumerate(spent):
        platforms.order(person + 1, person, minor, ordered_at=5)

    a, b, whole = compute(platforms, "incremental_revenue", Ask(now=10, experiments={"t": Experiment("t", control="none")}))

    money = np.array(spent).reshape(100, 3) / 100
    error = math.sqrt(
        100**2 * (money[:, 0].var(ddof=1) + money[:, 1].var(ddof=1)) / 100 + 200**2 * money[:, 2].var(ddof=1) / 100
    )
    assert whole.value == pytest.approx((a.value or 0) + (b.value or 0))
    assert whole.high == pytest.approx(whole.value + 1.959964 * error)
    assert (whole.n, whole.by) == (300, {"experiment": "t"})


def test_return_is_gain_over_cost_with_the_gains_interval(tested: Any) -> None:
    """1,000 for 400: revenue returns 150 %; at a margin of 30 % the gain is 300, which is a loss of a quarter."""
    tested.add("costs", entry="1", happened_at=5, category="tool", amount_minor=40000, currency="EUR")

    roi, back = compute(tested, "roi_simple", Ask(now=10**13, experiments=CONTROLLED))
    assert (roi.value, roi.unit, back.value, back.unit) == (pytest.approx(1.5), "share", pytest.approx(2.5), "ratio")
    assert "it pays" in roi.note
    assert "gain is revenue: no margin is known" in roi.note
    assert roi.low is not None
    assert back.low is not None
    assert roi.low == pytest.approx(back.low - 1)

    roi, back = compute(tested, "roi_simple", Ask(now=10**13, experiments=CONTROLLED, margin=0.3))
    assert (roi.value, back.value) == (pytest.approx(-0.25), pytest.approx(0.75))
    assert "it costs" in roi.note
    assert "gain is margin 30 % of net, as set" in roi.note


def test_return_needs_costs_in_the_same_currency_that_belong_to_it(tested: Any) -> None:
    """No cost, a cost in another currency, or one shared by two experiments: null, with the reason."""

    def reason(experiments: dict[str, Experiment] = CONTROLLED) -> str | None:
        return compute(tested, "roi_simple", Ask(now=10**13, experiments=experiments))[0].reason

    assert reason() == "no_cost"
    tested.add("costs", entry="1", happened_at=5, category="tool", amount_minor=40000, currency="USD")
    assert reason() == "mixed_currencies"
    tested.db.execute("UPDATE costs SET currency = 'EUR'")
    assert reason() is None
    tested.add("assignments", connection=3, experiment="u", key_id=1, arm="x")
    assert reason() == "cost_not_scoped"
    tested.db.execute("UPDATE costs SET scope = 't'")
    assert reason() is None


def test_an_experiment_nobody_is_in_takes_no_costs_away(tested: Any) -> None:
    """Only planned, or with tags that nobody carries, it leaves the unscoped costs to the one that has people."""
    tested.add("costs", entry="1", happened_at=5, category="tool", amount_minor=40000, currency="EUR")
    empty = {"u": Experiment("u", tags={"x": "nowhere"}, control="x"), "v": Experiment("v", control="x")}

    read = compute(tested, "roi_simple", Ask(now=10**13, experiments={**CONTROLLED, **empty}))

    assert [(e.by["experiment"], e.reason) for e in read if e.id == "roi_simple"] == [
        ("t", None),
        ("u", "nobody"),
        ("v", "nobody"),
    ]
    assert read[0].value == pytest.approx(1.5)


WINDOWED = {"t": Experiment("t", control="off", since=0, days=2)}


def cost(shop: Any, entry: str, day: float, minor: int, **more: Any) -> None:
    shop.add("costs", entry=entry, happened_at=round(day * DAY), category="tool", amount_minor=minor, currency="EUR", **more)


@pytest.mark.parametrize("period", [None, (-10 * DAY, 10 * DAY), (0, DAY), (DAY, 30 * DAY)])
def test_gain_and_cost_are_of_the_experiments_own_days(tested: Any, period: tuple[int, int] | None) -> None:
    """Whatever period is asked for: costs before and after the window are not the experiment's, an instalment in it is."""
    for entry, day, minor in (("before", -1, 77700), ("first", 0, 10000), ("last", 1.9, 10000), ("after", 2, 88800)):
        cost(tested, entry, day, minor)
    cost(tested, "set-up", -30, 60000, amortise_months=3)
    ask = Ask(now=10**13, experiments=WINDOWED, period=period)

    roi, back = compute(tested, "roi_simple", ask)
    (one,) = returns.returned(tested, ask)

    assert (one.cost.value, one.days) == (pytest.approx(400.0), (0, 2 * DAY))
    assert (roi.value, back.value) == (pytest.approx(1.5), pytest.approx(2.5))
    assert (one.roi, one.back) == (roi, back)
    own = "over its own days, 1970-01-01 to 1970-01-02, not the asked period alone"
    assert (own in roi.note) == (period in ((0, DAY), (DAY, 30 * DAY)))


def test_costs_that_name_the_experiment_count_whatever_their_date(tested: Any) -> None:
    """Paid before it began they are its costs still, and then the unscoped ones are not; instalments stay in its window."""
    cost(tested, "prepared", -5, 30000, scope="t")
    cost(tested, "set-up", -30, 30000, scope="t", amortise_months=3)
    cost(tested, "shared", 1, 99900)
    ask = Ask(now=10**13, experiments=WINDOWED)

    assert returns.returned(tested, ask)[0].cost.value == pytest.approx(400.0)
    tested.db.execute("UPDATE costs SET happened_at = 5000000000 WHERE entry <> 'shared'")
    tested.db.execute("DELETE FROM costs WHERE entry = 'prepared'")
    assert returns.returned(tested, ask)[0].cost.reason == "no_cost_in_period"


def test_costs_of_other_days_are_not_taken_for_no_costs(tested: Any) -> None:
    """That nothing was imported is said only when nothing was."""
    ask = Ask(now=10**13, experiments=WINDOWED, period=(0, DAY))

    def reasons() -> list[str | None]:
        return [compute(tested, id, ask)[0].reason for id in ("roi_simple", "personalisation_cost", "mer")]

    assert reasons() == ["no_cost"] * 3
    cost(tested, "long ago", -100, 40000)
    assert reasons() == ["no_cost_in_period"] * 3


def test_an_experiment_outside_the_asked_period_says_nothing_about_it(tested: Any) -> None:
    """Its window shares no day with the period: nothing was caused there as far as anybody knows."""
    cost(tested, "1", 1, 40000)
    ask = Ask(now=10**13, experiments=WINDOWED, period=(2 * DAY, 9 * DAY))

    for id in ("incremental_revenue", "roi_simple", "ab_test"):
        (read,) = compute(tested, id, ask)
        assert (read.id, read.value, read.reason, read.note) == (id, None, "no_experiment", returns.OUTSIDE)


def test_returns_shown_together_are_judged_together(tested: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The word in the note is the one that `judge` finds over all experiments, not each one's own."""
    families: list[int] = []

    def judge(gains: Any, confidence: float, costs: Any) -> list[Verdict]:
        families.append(len(gains))
        return [Verdict("costs")] * len(gains)

    monkeypatch.setattr("persync.measure.verdict.judge", judge)
    tested.db.execute("INSERT INTO assignments SELECT * REPLACE ('u' AS experiment) FROM assignments")
    for name in ("t", "u"):
        cost(tested, name, 1, 40000, scope=name)

    both = Ask(now=10**13, experiments={**CONTROLLED, "u": Experiment("u", control="off")})
    read = compute(tested, "roi_simple", both)

    assert (families, [note for e in read for note in e.note.split("; ") if note.startswith("it ")]) == ([2], ["it costs"] * 4)


def test_an_experiment_nobody_is_in_does_not_hide_another(tested: Any) -> None:
    """One is read, the other says that nobody is in it."""
    experiments = {**CONTROLLED, "u": Experiment("u", tags={"x": "nowhere"}, control="x")}

    read = compute(tested, "ab_test", Ask(now=10**13, experiments=experiments))

    assert next(e for e in read if e.id == "difference" and e.by["outcome"] == "revenue").value == pytest.approx(10.0)
    assert (read[-1].reason, read[-1].note) == (
        "nobody",
        "nobody is in an arm of experiment 'u' by its tags. Its tags are nowhere: are they in the store, spelt like this?",
    )
    assert {e.by["experiment"] for e in compute(tested, "ab_test", Ask(now=10**13))} == {"t"}


def test_tests_and_holdouts_are_read_apart(tested: Any) -> None:
    """A holdout is no A/B test, and the other way round; `arm` narrows to one experiment."""
    other = Experiment("u", control="off", holdout=True)
    ask = Ask(now=10**13, experiments={"t": Experiment("t", control="off", holdout=True), "u": other}, arm="t")

    assert [e.reason for e in compute(tested, "ab_test", ask)] == ["no_experiment"]
    read = compute(tested, "holdout_incrementality", ask)
    assert {e.label for e in read if e.id == "difference"} == {"holdout"}
    assert {e.by["experiment"] for e in read} == {"t"}


def test_every_estimate_can_be_written_as_json(tested: Any) -> None:
    """No Decimal, numpy number, NaN or infinity is in what the machines are given."""
    campaign(tested, 1, sent=100, delivered=90, unique_opens=30)
    send(tested, 1, list(range(100)), at=1)
    tested.add("costs", entry="1", happened_at=5, category="tool", amount_minor=40000, currency="EUR")

    for metric in METRICS:
        for e in metric.compute(tested, Ask(now=10**13, experiments=CONTROLLED)):
            json.dumps(e.as_json(), allow_nan=False)
