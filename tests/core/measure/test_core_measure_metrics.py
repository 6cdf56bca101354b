from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from scipy import stats

from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import METRICS, costs, returns
from persync.measure.metric import Ask, Experiment, Metric
from persync.measure.verdict import Verdict

DAY = 86_400_000
ASK = Ask(now=10**13)
BY_ID = {metric.id: metric for metric in METRICS}


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def platforms(shop: Any) -> Any:
    """Two systems: a mailer that flags machine opens and one that does not."""
    shop.load("connections", connection=[1, 2], name=["mail", "crm"], connector=["x", "y"])
    return shop


def campaign(shop: Any, key: int, connection: int = 1, level: int | None = 0, sent_at: int = 100, **counters: Any) -> None:
    shop.add("campaign_keys", campaign_key=key, connection=connection, kind="id", key=f"c{key}")
    shop.add("campaigns", campaign_key=key, connection=connection, title=f"Letter {key}", sent_at=sent_at)
    shop.add("campaign_levels", campaign_key=key, level=level)
    if counters:
        shop.add("campaign_counters", campaign_key=key, number=counters.pop("number", 1), **counters)


def send(shop: Any, key: int, people: list[int], *, at: int = 100, action: int = 1, connection: int = 1, link: int = 0) -> None:
    n = len(people)
    shop.load(
        "touchpoints",
        connection=[connection] * n,
        campaign_key=[key] * n,
        key_id=people,
        action=[action] * n,
        happened_at=[at] * n,
        link_id=[link] * n,
    )


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_a_store_with_nothing_in_it_gives_reasons_not_numbers(shop: Any, metric: Metric) -> None:
    """Every metric answers from empty tables: null with a reason, never zero, infinity or an error."""
    read = metric.compute(shop, ASK)

    assert read
    for e in read:
        is_off = e.by.get("kind") == "proxy"  # one nobody switched on is worth nothing
        assert (e.value is None and e.reason) or e.id == "sends_without_consent" or is_off


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_a_metric_says_what_it_is(metric: Metric) -> None:
    """Definition, formula, unit, number and tables are there to be shown."""
    assert all([metric.title, metric.definition, metric.formula, metric.unit, metric.number, metric.data])


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_a_wrong_dimension_is_refused_with_the_right_ones(shop: Any, metric: Metric) -> None:
    """A metric that cannot be sliced so says so."""
    with pytest.raises(ConfigError, match=f"{metric.id} cannot be sliced by 'sky'"):
        metric.compute(shop, Ask(now=0, by=("sky",)))


def test_metric_ids_are_unique() -> None:
    """No two metrics share a name."""
    assert len(BY_ID) == len(METRICS)


def test_one_campaign_has_wilsons_interval_over_what_was_delivered(platforms: Any) -> None:
    """Delivered is sent less bounces; rates are over delivered, from the last snapshot and not from a variant."""
    campaign(platforms, 1, sent=90, hard_bounces=0, soft_bounces=0, unique_opens=1, unsubscribes=0, complaints=0)
    counters = {"hard_bounces": 4, "soft_bounces": 6, "unique_opens": 36, "unique_human_opens": 27, "unsubscribes": 18}
    platforms.add("campaign_counters", campaign_key=1, number=2, sent=100, complaints=0, **counters)
    platforms.add("campaign_counters", campaign_key=1, number=3, variant="a", sent=50)

    read = {id: compute(platforms, id)[0] for id in ("delivery_rate", "open_rate", "human_open_rate", "unsubscribe_rate")}

    assert {id: (e.value, e.n) for id, e in read.items()} == {
        "delivery_rate": (0.9, 100),
        "open_rate": (0.4, 90),
        "human_open_rate": (0.3, 90),
        "unsubscribe_rate": (0.2, 90),
    }
    expected = stats.binomtest(36, 90).proportion_ci(method="wilson")
    assert (read["open_rate"].low, read["open_rate"].high) == pytest.approx((expected.low, expected.high))
    assert (compute(platforms, "complaint_rate")[0].value, compute(platforms, "complaint_rate")[0].note) == (
        0.0,
        "too few to say",
    )


def test_a_platform_without_the_flag_has_no_human_opens(platforms: Any) -> None:
    """Machine opens that nobody flags are not assumed away: null, and said when it is some campaigns only."""
    campaign(platforms, 1, connection=2, sent=100, delivered=100, unique_opens=60)
    assert compute(platforms, "human_open_rate") == [Estimate("human_open_rate", None, unit="share", reason="no_flag")]

    campaign(platforms, 2, sent=100, delivered=100, unique_opens=60, unique_human_opens=30)
    (made,) = compute(platforms, "human_open_rate")

    assert (made.value, made.n, made.note) == (0.3, 100, "measured for 1 of 2 campaigns")


def test_several_campaigns_are_the_units_of_the_interval(platforms: Any) -> None:
    """The pooled rate is sum over sum, and campaigns that differ make it wide."""
    delivered, opens = np.array([100.0, 300.0, 200.0]), np.array([50.0, 30.0, 60.0])
    for i in range(3):
        campaign(platforms, i + 1, sent=int(delivered[i]), delivered=int(delivered[i]), unique_opens=int(opens[i]))

    (made,) = compute(platforms, "open_rate")

    rate = opens.sum() / delivered.sum()
    error = math.sqrt(((opens - rate * delivered) ** 2).sum() * 3 / 2) / delivered.sum()
    assert made.value == pytest.approx(rate)
    assert made.high == pytest.approx(min(1, rate + stats.t.ppf(0.975, 2) * error))
    assert made.low == 0.0


def test_campaigns_are_sliced_by_message_level_and_connection(platforms: Any) -> None:
    """One estimate a slice, in order; an unknown level is a slice of its own; the period is of the sending."""
    campaign(platforms, 1, level=0, sent=100, delivered=100, unique_opens=20)
    campaign(platforms, 2, level=None, connection=2, sent=100, delivered=100, unique_opens=40)
    campaign(platforms, 3, level=0, sent_at=999, sent=100, delivered=100, unique_opens=90)
    ask = Ask(now=10**13, period=(0, 500))

    def read(*by: str) -> list[tuple[dict[str, str], float | int | None]]:
        return [(e.by, e.value) for e in compute(platforms, "open_rate", replace(ask, by=by))]

    assert read("level") == [({"level": "0"}, 0.2), ({"level": "unknown"}, 0.4)]
    assert read("connection") == [({"connection": "crm"}, 0.4), ({"connection": "mail"}, 0.2)]
    assert read("msg") == [({"msg": "c1", "title": "Letter 1"}, 0.2), ({"msg": "c2", "title": "Letter 2"}, 0.4)]


def test_clicks_of_machines_and_on_the_unsubscribe_link_do_not_count(platforms: Any) -> None:
    """Of fifty delivered, twelve people click; a flagged machine, a scanner's burst and an unsubscriber are none of them."""
    campaign(platforms, 1)
    people = list(range(1, 61))
    send(platforms, 1, people)
    send(platforms, 1, people[50:], action=5, at=150)
    platforms.load("campaign_links", link_id=[1, 2, 3, 4], url=["a", "b", "c", "u"], is_unsubscribe=[0, 0, 0, 1])
    send(platforms, 1, people[:12], action=4, at=10**6, link=1)
    send(platforms, 1, [13], action=4, at=10**6, link=4)
    for i, link in enumerate((1, 2, 3)):
        send(platforms, 1, [14], action=4, at=10**6 + 500 * i, link=link)
    platforms.add("touchpoints", connection=1, campaign_key=1, key_id=15, action=4, happened_at=10**6, link_id=1, is_machine=1)

    (made,) = compute(platforms, "ctr")

    assert (made.value, made.n) == (12 / 50, 50)
    expected = stats.binomtest(12, 50).proportion_ci(method="wilson")
    assert (made.low, made.high) == pytest.approx((expected.low, expected.high))


def test_people_are_the_units_where_one_got_several_messages(platforms: Any) -> None:
    """Forty people with two messages each: the clustered interval is the linearised one by hand."""
    for key in (1, 2):
        campaign(platforms, key)
        send(platforms, key, list(range(40)))
    send(platforms, 1, list(range(12)), action=4, at=10**6, link=1)
    send(platforms, 2, list(range(12)), action=4, at=10**7, link=1)

    (made,) = compute(platforms, "ctr")

    clicked, delivered = np.array([2.0] * 12 + [0.0] * 28), np.full(40, 2.0)
    rate = clicked.sum() / delivered.sum()
    error = math.sqrt(((clicked - rate * delivered) ** 2).sum() * 40 / 39) / delivered.sum()
    assert (made.value, made.n) == (rate, 80)
    assert made.high == pytest.approx(rate + stats.t.ppf(0.975, 39) * error)


def test_without_single_events_the_platforms_clicks_are_named_as_such(platforms: Any) -> None:
    """Totals stand in for events, and the note says that machines are in them."""
    campaign(platforms, 1, sent=100, delivered=100, unique_clicks=30)

    (made,) = compute(platforms, "ctr")

    assert (made.value, made.note) == (0.3, "the platforms' own count: machine clicks are in it")


def test_conversion_and_revenue_are_of_people_within_the_window(platforms: Any) -> None:
    """Two messages make one person; an order before the mail, after the window, or of somebody else does not count."""
    for key in (1, 2):
        campaign(platforms, key)
        send(platforms, key, list(range(40)), at=10 * DAY + key)
    for order, (person, at) in enumerate([(p, 11) for p in range(10)] + [(20, 9), (21, 45), (77, 11)], start=1):
        platforms.order(order, person, 2000, ordered_at=at * DAY)

    (rate,), (money,) = compute(platforms, "conversion_rate"), compute(platforms, "revenue_per_recipient")

    assert (rate.value, rate.n) == (10 / 40, 40)
    values = [20.0] * 10 + [0.0] * 30
    assert (money.value, money.n, money.unit) == (5.0, 40, "EUR")
    low, high = stats.t.interval(0.95, 39, loc=5.0, scale=stats.sem(values))
    # Drawn, so a little higher at both ends: where more of those drawn paid, the spread is greater, too.
    assert money.low is not None
    assert money.high is not None
    assert low < money.low < low + 0.6
    assert high < money.high < high + 0.6


def test_a_window_not_over_is_immature_and_a_part_of_it_left_out(platforms: Any) -> None:
    """People mailed too recently do not lower the rate; when all are, there is none."""
    campaign(platforms, 1)
    send(platforms, 1, list(range(40)), at=10 * DAY)
    platforms.order(1, 0, 2000, ordered_at=11 * DAY)
    assert [(e.value, e.reason) for e in compute(platforms, "conversion_rate", Ask(now=20 * DAY))] == [(None, "immature")]

    campaign(platforms, 2)
    send(platforms, 2, list(range(100, 140)), at=60 * DAY)
    (made,) = compute(platforms, "conversion_rate", Ask(now=65 * DAY))

    assert (made.value, made.n) == (1 / 40, 40)
    assert "people whose window is not over are left out" in made.note


def test_a_measure_by_attribute_hides_small_groups(platforms: Any) -> None:
    """A country of two is hidden with the next smallest, in every slice alike."""
    campaign(platforms, 1)
    send(platforms, 1, list(range(100)), at=DAY)
    countries = ["AT"] * 60 + ["DE"] * 38 + ["LI"] * 2
    platforms.load("attributes", connection=[1] * 100, key_id=range(100), name=["country"] * 100, value=countries)
    platforms.load("consents", connection=[1], key_id=[999], channel=["email"], state=["subscribed"])
    ask = Ask(now=10**13, by=("country",))

    for id in ("conversion_rate", "revenue_per_recipient", "ctr", "consent_coverage"):
        read = [e for e in compute(platforms, id, ask) if e.id == id]
        assert {e.by["country"]: e.reason for e in read if e.n is None} == {"DE": "suppressed", "LI": "suppressed"}, id
        assert [e.n for e in read if e.by["country"] == "AT"] == [60]


def test_order_values_have_customers_as_units(platforms: Any) -> None:
    """Mean, median and trimmed mean of eleven orders by seven customers; cancelled and test orders are out."""
    amounts = [(1, 10), (1, 20), (1, 30), (2, 40), (3, 50), (4, 60), (5, 70), (5, 80), (6, 90), (7, 100), (None, 400)]
    for key, (person, euros) in enumerate(amounts, start=1):
        platforms.order(key, person, euros * 100, ordered_at=50)
    platforms.order(90, 1, 99900, ordered_at=50, is_test=1)
    platforms.order(91, 1, 99900, ordered_at=50, status="voided")

    mean, median, trimmed = compute(platforms, "aov")

    assert mean.value == pytest.approx(950 / 11)
    assert (median.value, trimmed.value) == (60.0, pytest.approx((950 - 400 - 10) / 9))
    revenue, orders = np.array([60.0, 40, 50, 60, 150, 90, 100, 400]), np.array([3.0, 1, 1, 1, 2, 1, 1, 1])
    error = math.sqrt(((revenue - revenue.sum() / orders.sum() * orders) ** 2).sum() * 8 / 7) / orders.sum()
    assert mean.high is not None
    assert mean.high - mean.value == pytest.approx(stats.t.ppf(0.975, 7) * error)
    assert (mean.unit, mean.n, mean.note) == ("EUR", 11, "too few to say")


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


def test_efficiency_is_all_money_that_moved_over_all_costs(platforms: Any) -> None:
    """The dated ledger of the period, refunds when they happened, tax out, over the costs of the period."""
    platforms.order(1, 1, 10000, tax=1900, ordered_at=10)
    platforms.post(1, -4000, "product", entry="back", event="refund", at=60)
    platforms.order(2, None, 3000, ordered_at=20)
    platforms.add("costs", entry="1", happened_at=5, category="tool", amount_minor=2600, currency="EUR")

    assert compute(platforms, "mer", Ask(now=10**13, period=(0, 50)))[0].value == 5.0
    assert compute(platforms, "mer")[0].value == pytest.approx(90 / 26)
    assert compute(platforms, "mer", Ask(now=10**13, period=(10, 50)))[0].reason == "no_cost_in_period"


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
    assert "gain is margin 30% of net, as set" in roi.note


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


DAY = 86_400_000
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


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_an_empty_store_gives_null_with_a_reason(shop: Any, metric: Metric) -> None:
    """No metric fails, is silent or says zero where nothing is, sliced or not."""
    for by in [(), *((name,) for name in metric.dimensions if name != "any attribute")]:
        period = (0, 10**12) if "seg" in by else None  # members are those of a first day
        ask = Ask(now=10**13, by=by, period=period, experiments={"x": Experiment("x", control="y")})
        read = list(metric.compute(shop, ask))
        assert read, by
        assert [e for e in read if e.value is None and not e.reason] == []


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


def test_exposure_never_counts_an_unread_message_as_generic(platforms: Any) -> None:
    """The highest level counts; with an unread message beside generic ones it is unknown, beside level 3 it is 3."""
    for key, level in ((1, 0), (2, 3), (3, None)):
        campaign(platforms, key, level=level)
    send(platforms, 1, list(range(60)))
    send(platforms, 2, list(range(20)))
    send(platforms, 3, list(range(10, 30)))

    read = compute(platforms, "exposure")

    assert {e.by["level"]: e.value for e in read} == {
        "0": 30 / 60,
        "1": 0.0,
        "2": 0.0,
        "3": 20 / 60,
        "4": 0.0,
        "unknown": 10 / 60,
    }


def test_the_match_rate_is_of_each_systems_own_people(platforms: Any) -> None:
    """Forty people in one system, sixty in the other, twenty in both."""
    platforms.load("contacts", connection=[1] * 40, key_id=range(40))
    platforms.load("contacts", connection=[2] * 60, key_id=range(100, 160))
    platforms.load("person_of", key_id=[*range(100, 120)], person=[*range(20)], hash=[0] * 20)

    read = compute(platforms, "customer_identity")

    assert [(e.by, e.value, e.n) for e in read] == [
        ({}, 20 / 80, 80),
        ({"connection": "crm", "against": "mail"}, 20 / 60, 60),
        ({"connection": "mail", "against": "crm"}, 20 / 40, 40),
    ]


def test_consent_is_what_was_recorded_when_the_last_message_went_out(platforms: Any) -> None:
    """A subscription counts, its later end too; an end before the message, a silence or nothing at all does not."""
    campaign(platforms, 1)
    send(platforms, 1, list(range(40)), at=1000)
    states = ["subscribed"] * 10 + ["unsubscribed"] * 20 + ["unknown"] * 5
    ended = [None] * 10 + [2000] * 10 + [500] * 10 + [None] * 5
    platforms.load("consents", connection=[1] * 35, key_id=range(35), channel=["email"] * 35, state=states, changed_at=ended)

    coverage, without = compute(platforms, "consent_coverage")

    assert (coverage.value, coverage.n) == (20 / 40, 40)
    assert (without.value, without.unit) == (20, "count")


def test_a_withdrawal_from_one_list_counts_and_one_from_a_kind_of_mail_does_not(platforms: Any) -> None:
    """Who left the list of the message is out; email/7 and email_optout/7 say nothing of all mail."""
    campaign(platforms, 1)
    platforms.db.execute("UPDATE campaigns SET list = 'b'")
    send(platforms, 1, list(range(40)), at=1000)
    channels, states = ["email/list:a"] * 40, ["subscribed"] * 40
    for channel, state, many in (
        ("email/list:b", "unsubscribed", 10),
        ("email/7", "unsubscribed", 20),
        ("email_optout/7", "unsubscribed", 20),
    ):
        channels, states = channels + [channel] * many, states + [state] * many
    people = [*range(40), *range(10), *range(20), *range(20)]
    n = len(people)
    platforms.load(
        "consents", connection=[1] * n, key_id=people, channel=channels, state=states, number=[1] * n, changed_at=[5] * n
    )

    coverage, without = compute(platforms, "consent_coverage")

    assert (coverage.value, without.value) == (30 / 40, 10)


def test_few_people_without_a_consent_cannot_be_worked_out_by_country_or_at_all(platforms: Any) -> None:
    """One of 40 in AT has none, 12 of 40 in DE, 9 of 40 in FR: AT is hidden with FR, which has fewest beside it. Two of all."""
    campaign(platforms, 1)
    send(platforms, 1, list(range(120)), at=1000)
    places = ["AT"] * 40 + ["DE"] * 40 + ["FR"] * 40
    platforms.load("attributes", connection=[1] * 120, key_id=range(120), name=["place"] * 120, value=places)
    agreed = [*range(1, 40), *range(52, 80), *range(89, 120)]
    n = len(agreed)
    platforms.load("consents", connection=[1] * n, key_id=agreed, channel=["email"] * n, state=["subscribed"] * n)
    ids = ("consent_coverage", "sends_without_consent")

    by_place = compute(platforms, "consent_coverage", replace(ASK, by=("place",)))
    platforms.db.execute("DELETE FROM touchpoints WHERE key_id IN (SELECT a.key_id FROM attributes AS a WHERE a.value <> 'AT')")
    few = compute(platforms, "consent_coverage")

    hidden = {(id, place): (None, None, "suppressed") for id in ids for place in ("AT", "FR")}
    told = {("consent_coverage", "DE"): (28 / 40, 40, None), ("sends_without_consent", "DE"): (12, 40, None)}
    assert {(e.id, e.by["place"]): (e.value, e.n, e.reason) for e in by_place} == hidden | told
    assert [(e.id, e.value, e.n, e.reason) for e in few] == [(id, None, None, "suppressed") for id in ids]


def test_every_estimate_can_be_written_as_json(tested: Any) -> None:
    """No Decimal, numpy number, NaN or infinity is in what the machines are given."""
    campaign(tested, 1, sent=100, delivered=90, unique_opens=30)
    send(tested, 1, list(range(100)), at=1)
    tested.add("costs", entry="1", happened_at=5, category="tool", amount_minor=40000, currency="EUR")

    for metric in METRICS:
        for e in metric.compute(tested, Ask(now=10**13, experiments=CONTROLLED)):
            json.dumps(e.as_json(), allow_nan=False)
