"""Segments: who is in which by what was known before, what they are worth, how people move; small shops worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import METRICS, membership
from persync.measure.intervals import wilson
from persync.measure.metric import Ask
from persync.measure.rules import DAY
from persync.measure.segment_settings import Automation, SegmentRule, SegmentSettings
from persync.measure.segments.moves import eta_squared
from persync.measure.segments.worth import diagnosis
from persync.plugins import load_plugins
from persync.settings import load_project
from persync.settings.segments import AutomationTable, LifecycleTable, SegmentTable, segment_settings

BY_ID = {metric.id: metric for metric in METRICS}


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


START = ms("2024-01-01T12:00:00")
NOW = START + 500 * DAY
ASK = Ask(now=NOW, suppress_n=1, report_n=1)


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def buys(shop: Any, person: int, *days: float, minor: int = 1000, **more: Any) -> None:
    for day in days:
        key = 1 + len(shop.rows("SELECT o.order_key FROM orders AS o"))
        shop.order(key, person, minor, ordered_at=START + round(day * DAY), **more)


def known(shop: Any, person: int, day: float = 0) -> None:
    shop.add("person_of", key_id=person, person=person, hash=person)
    shop.add("contacts", connection=1, key_id=person, created_at=START + round(day * DAY))


def stages(shop: Any, day: float, ask: Ask = ASK) -> dict[int, str]:
    membership.build(shop, ask, [START + round(day * DAY)], (membership.LIFECYCLE,))
    rows = shop.rows("SELECT m.person AS person, m.segment AS segment FROM segment_members AS m ORDER BY m.person")
    return {row["person"]: row["segment"].partition(": ")[2] for row in rows}


def members(shop: Any, ask: Ask, at: int = NOW) -> dict[str, list[int]]:
    membership.build(shop, ask, [at], (membership.OWN,))
    out: dict[str, list[int]] = {}
    for row in shop.rows("SELECT m.person AS person, m.segment AS segment FROM segment_members AS m ORDER BY 2, 1"):
        out.setdefault(row["segment"], []).append(row["person"])
    return out


def test_a_customer_goes_through_the_stages(shop: Any) -> None:
    """Known on day 0, bought on day 10: every stage in its time."""
    known(shop, 1)
    buys(shop, 1, 10)

    found = [stages(shop, day).get(1) for day in (-1, 5, 11, 45, 101, 191, 376)]

    assert found == [None, "subscriber", "new", "active", "at risk", "inactive", "churned"]


def test_three_purchases_make_a_loyal_customer(shop: Any) -> None:
    known(shop, 1)
    buys(shop, 1, 10, 10.1, 20)
    assert stages(shop, 25) == {1: "new"}  # two orders of a day are one purchase

    buys(shop, 1, 24)
    assert stages(shop, 25) == {1: "loyal"}


def test_a_moment_does_not_know_what_came_later(shop: Any) -> None:
    """An order sent back on day 40 made a customer on day 30 and makes none on day 50; one placed later changes nothing."""
    known(shop, 1)
    shop.order(1, 1, 1000, ordered_at=START + 10 * DAY, status="refunded")
    shop.post(1, -1000, "product", entry="back", at=START + 40 * DAY, event="refund")
    before = stages(shop, 30)
    buys(shop, 1, 60)

    assert before == stages(shop, 30) == {1: "new"}
    assert stages(shop, 50) == {1: "subscriber"}


def test_money_of_a_moment_leaves_later_refunds_out(shop: Any) -> None:
    known(shop, 1)
    buys(shop, 1, 10, minor=5000)
    shop.post(1, -3000, "product", entry="back", at=START + 40 * DAY, event="refund")
    ask = replace(ASK, segments=SegmentSettings(rules={"big": SegmentRule(min_revenue=40)}))

    assert members(shop, ask, START + 30 * DAY) == {"big": [1]}
    assert members(shop, ask, START + 50 * DAY) == {}


def test_every_part_of_a_rule_must_hold(shop: Any) -> None:
    for person in (1, 2, 3):
        known(shop, person)
        shop.add("attributes", connection=1, key_id=person, name="tier", value="gold" if person < 3 else "basic")
    buys(shop, 1, 480, 490)
    buys(shop, 2, 100)
    buys(shop, 3, 490)
    shop.add("touchpoints", connection=1, campaign_key=1, key_id=2, action=4, happened_at=NOW - 5 * DAY)
    shop.add("touchpoints", connection=1, campaign_key=1, key_id=3, action=4, happened_at=NOW - 95 * DAY)
    shop.add("segments", segment_id=7, connection=1, kind="tag", vendor_id="7", name="vip")
    shop.add("memberships", key_id=1, segment_id=7, joined_at=START, left_at=NOW - DAY)
    shop.add("memberships", key_id=3, segment_id=7, joined_at=START)
    rules = {
        "gold": SegmentRule(kind="demographic", attributes={"tier": ("gold",)}),
        "twice": SegmentRule(min_orders=2),
        "golden twice": SegmentRule(kind="micro", all_of=("gold", "twice")),
        "away": SegmentRule(not_ordered_for_days=300),
        "late": SegmentRule(ordered_within_days=30, max_orders=1),
        "clickers": SegmentRule(min_clicks=1),
        "vips": SegmentRule(lists=("vip",)),
        "new ones": SegmentRule(stages=("new",)),
    }

    found = members(shop, replace(ASK, segments=SegmentSettings(rules=rules)))

    assert found == {
        "gold": [1, 2],
        "twice": [1],
        "golden twice": [1],
        "away": [2],
        "late": [3],
        "clickers": [2],
        "vips": [3],
        "new ones": [1, 3],
    }


def test_rfm_and_affinity_put_everybody_into_one_class(shop: Any) -> None:
    """The latest, most frequent and richest is a champion; the one who came once long ago is lost."""
    for person in range(1, 6):
        known(shop, person)
        buys(shop, person, *(90 * person + 3 * i for i in range(person)), minor=1000 * person)
    shop.add("products", connection=1, product="p1", kind="bread")
    shop.add("products", connection=1, product="p2", kind="cake")
    for key, product, pieces in ((1, "p1", 2), (2, "p2", 1), (3, "p1", 1)):
        shop.add("order_lines", order_key=key, line="1", product=product, quantity=pieces)

    membership.build(shop, ASK, [NOW])
    rows = shop.rows("SELECT m.person AS person, m.kind AS kind, m.segment AS segment FROM segment_members AS m")
    found = {(row["kind"], row["person"]): row["segment"] for row in rows}

    assert found["rfm", 5] == "rfm: champions"
    assert found["rfm", 1] == "rfm: lost"
    assert found["affinity", 1] == "affinity: bread"
    assert found["affinity", 2] == "affinity: mixed"
    assert len([key for key in found if key[0] == "rfm"]) == 5 == len({key for key in found if key[0] == "rfm"})


def test_measures_of_people_are_sliced_by_segment_as_of_the_first_day(shop: Any) -> None:
    """Whoever became a customer inside the period is a subscriber of its first day."""
    known(shop, 1)
    known(shop, 2)
    buys(shop, 1, 395)
    buys(shop, 2, 450)
    period = (START + 400 * DAY, NOW)

    read = compute(shop, "segment_definitions", replace(ASK, period=period))

    assert {(one.by["seg"], one.value) for one in read if one.by["seg"].startswith("life-cycle")} == {
        ("life-cycle: new", 0.5),
        ("life-cycle: subscriber", 0.5),
    }
    rate = compute(shop, "repeat_purchase_rate", replace(ASK, by=("seg",)))
    assert {one.by["seg"] for one in rate if one.by} >= {"life-cycle: at risk", "life-cycle: active"}


def test_small_segments_are_hidden_with_a_cover_of_their_own_kind(shop: Any) -> None:
    for person in range(1, 31):
        known(shop, person)
        buys(shop, person, 490 if person < 3 else 450 if person < 13 else 100)

    read = compute(shop, "segment_definitions", replace(ASK, suppress_n=5))

    stage = {one.by["seg"].partition(": ")[2]: one.reason for one in read if one.by["seg"].startswith("life-cycle")}
    assert stage == {"new": "suppressed", "active": "suppressed", "churned": None}


@pytest.fixture
def tiers(shop: Any) -> tuple[Any, Ask]:
    """Four tiers of 100: (clicked, bought) = a (80, 10), b (20, 60), c (10, 10), d (80, 60)."""
    shop.add("campaign_levels", campaign_key=1, level=3, evidence="")
    people = list(range(1, 401))
    shop.load("person_of", key_id=people, person=people, hash=people)
    shop.load("contacts", connection=[1] * 400, key_id=people, created_at=[START] * 400)
    shop.load(
        "attributes", connection=[1] * 400, key_id=people, name=["tier"] * 400, value=[t for t in "abcd" for _ in range(100)]
    )
    clickers, buyers = [], []
    for i, (clicked, bought) in enumerate(((80, 10), (20, 60), (10, 10), (80, 60))):
        clickers += people[100 * i : 100 * i + clicked]
        buyers += people[100 * i + 100 - bought : 100 * i + 100]
    sent = NOW - 50 * DAY
    for action, who, at in ((1, people, sent), (4, clickers, sent + DAY)):
        many = {"connection": 1, "campaign_key": 1, "action": action, "happened_at": at}
        shop.load("touchpoints", key_id=who, **{name: [value] * len(who) for name, value in many.items()})
    size, at = len(buyers), START + 470 * DAY
    shop.load("order_of", order_key=buyers, order_id=buyers, is_money_source=[1] * size)
    paid = {"connection": 1, "kind": "order", "ordered_at": at, "status": "paid", "is_test": 0, "currency": "EUR"}
    shop.load("orders", order_key=buyers, key_id=buyers, **{name: [value] * size for name, value in paid.items()})
    sale = {"entry": "sale", "event": "sale", "part": "product", "happened_at": at, "amount_minor": 1000, "currency": "EUR"}
    shop.load("order_ledger", order_key=buyers, **{name: [value] * size for name, value in sale.items()})
    rules = {tier: SegmentRule(attributes={"tier": (tier,)}) for tier in "abcd"}
    return shop, replace(ASK, segments=SegmentSettings(rules=rules), report_n=30, suppress_n=5)


def test_diagnosis_says_what_the_medians_call_for(tiers: tuple[Any, Ask]) -> None:
    """Penetration 80, 20, 10, 80 % with the median 50; conversion 10, 60, 10, 60 % with the median 35."""
    read = compute(tiers[0], "segment_diagnosis", tiers[1])

    found = {one.by["seg"]: one.note.partition(";")[0] for one in read if one.by.get("seg") in ("a", "b", "c", "d")}
    assert found == {
        "a": "right people, wrong message",
        "b": "widen reach",
        "c": "drop or redefine",
        "d": "keep",
    }


def test_an_interval_that_holds_the_median_makes_no_call() -> None:
    near = Estimate("x", 0.5, *wilson(50, 100)[1:3], n=100, unit="share")
    high = Estimate("x", 0.9, *wilson(90, 100)[1:3], n=100, unit="share")

    assert diagnosis(near, high, (0.5, 0.5)) == "about the median of the segments: no call"
    assert diagnosis(replace(high, note="too few to say"), high, (0.5, 0.5)) == "too few to say"


def test_penetration_is_of_members_and_of_those_reached(tiers: tuple[Any, Ask]) -> None:
    shop, ask = tiers
    known(shop, 999)
    shop.add("attributes", connection=1, key_id=999, name="tier", value="a")

    read = {(one.id, one.by["seg"]): (one.value, one.n) for one in compute(shop, "segment_penetration", ask)}

    assert read["segment_penetration", "a"] == (80 / 101, 101)
    assert read["segment_penetration_of_reached", "a"] == (0.8, 100)


def test_profit_is_margin_less_costs_shared_by_messages(tiers: tuple[Any, Ask]) -> None:
    """Tier a: 10 orders of 10.00 at 40 % margin = 40.00, less 100 of the 400 messages' 80.00 = 20.00: 20.00, 0.20 a member."""
    shop, ask = tiers
    shop.add("costs", connection=1, entry="1", happened_at=NOW - DAY, category="tool", amount_minor=8000, currency="EUR")

    read = {(one.id, one.by.get("seg")): one for one in compute(shop, "segment_profitability", replace(ask, margin=0.4))}

    whole = read["segment_profitability", "a"]
    assert whole.value == pytest.approx(20.0)
    assert (whole.unit, whole.n) == ("EUR", 100)
    assert "80.00 EUR shared by messages sent" in whole.note
    assert read["segment_profitability_per_member", "a"].value == pytest.approx(0.2)
    assert read["segment_profitability_share", "a"].value == pytest.approx(20 / (140 * 4 - 80))


def test_profit_without_costs_or_margin_is_not_known(tiers: tuple[Any, Ask]) -> None:
    shop, ask = tiers

    assert [one.reason for one in compute(shop, "segment_profitability", ask)] == ["no_unit_cost"]
    read = compute(shop, "segment_profitability", replace(ask, margin=0.4))
    assert (read[0].id, read[0].reason, read[1].id) == ("segment_profitability", "no_cost", "segment_margin")


def test_migration_counts_moves_of_each_month(shop: Any) -> None:
    """All ten bought on 10 December; half of them again on 10 March. Stages of the first of each month, worked out by hand."""
    day = (ms("2024-12-10T12:00:00") - START) / DAY
    for person in range(1, 11):
        known(shop, person)
        buys(shop, person, day, *([day + 90] if person > 5 else []))
    ask = replace(
        ASK, now=ms("2025-05-02T00:00:00"), period=(ms("2025-01-01T00:00:00"), ms("2025-05-01T00:00:00")), by=("month",)
    )

    read = {tuple(one.by.values()): (one.value, one.n) for one in compute(shop, "segment_migration", ask)}

    assert read == {
        ("2025-01", "new", "active"): (1.0, 10),
        ("2025-02", "active", "active"): (1.0, 10),
        ("2025-03", "active", "active"): (0.5, 10),
        ("2025-03", "active", "at risk"): (0.5, 10),
        ("2025-04", "active", "active"): (1.0, 5),
        ("2025-04", "at risk", "at risk"): (1.0, 5),
    }
    pooled = {tuple(one.by.values()): (one.value, one.n) for one in compute(shop, "segment_migration", replace(ask, by=()))}
    assert pooled["active", "active"] == (20 / 25, 25)


def test_shares_of_a_stage_add_up_to_one(shop: Any) -> None:
    for person in range(1, 40):
        known(shop, person, person * 3)
        buys(shop, person, *range(person, 480, 7 * person))

    sums: dict[str, float] = {}
    for one in compute(shop, "segment_migration"):
        sums[one.by["from"]] = sums.get(one.by["from"], 0.0) + float(one.value or 0)

    assert sums
    assert all(total == pytest.approx(1) for total in sums.values())


def test_stability_is_the_share_with_the_same_label(shop: Any) -> None:
    day = (ms("2024-12-10T12:00:00") - START) / DAY
    for person in range(1, 11):
        known(shop, person)
        buys(shop, person, day)
    ask = replace(ASK, now=ms("2025-05-02T00:00:00"), period=(ms("2025-01-01T00:00:00"), ms("2025-05-01T00:00:00")))

    read = compute(shop, "segment_stability_and_distinctness", ask)

    kept = {one.by["kind"]: (one.value, one.n) for one in read if one.id == "segment_stability_and_distinctness"}
    assert kept["life-cycle"] == (0.5, 40)  # new-active, active-active, active-at risk, at risk-at risk


def test_eta_squared_is_that_of_the_analysis_of_variance() -> None:
    """scipy's f_oneway on the same three groups; the interval's ends are where the F has the tails' chances."""
    from scipy.stats import f_oneway, ncf

    groups = [[1.0, 2, 3, 4], [2.0, 3, 5, 6], [5.0, 6, 8, 9]]
    found = eta_squared([(len(g), sum(g), sum(x * x for x in g)) for g in groups])
    assert found is not None
    f, p = f_oneway(*groups)

    assert found.value == pytest.approx(2 * f / (2 * f + 9))
    assert found.p == pytest.approx(p)
    least = found.low * 12 / (1 - found.low)
    most = found.high * 12 / (1 - found.high)
    assert ncf.cdf(f, 2, 9, least) == pytest.approx(0.975)
    assert ncf.cdf(f, 2, 9, most) == pytest.approx(0.025)


def test_eta_squared_of_equal_spend_is_not_known() -> None:
    assert eta_squared([(3, 3.0, 3.0), (4, 4.0, 4.0)]) is None
    assert eta_squared([(3, 3.0, 5.0)]) is None


def test_a_crossing_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no segment 'golden'"):
        segment_settings({"x": SegmentTable(all_of=["golden"]), "gold": SegmentTable(min_orders=1)}, LifecycleTable(), {})
    with pytest.raises(ValueError, match="everybody would belong to it"):
        SegmentTable()
    with pytest.raises(ValueError, match="must hold"):
        LifecycleTable(at_risk_days=200)
    made = segment_settings({}, LifecycleTable(), {"hello": AutomationTable(kind="welcome_series")})
    assert made.automations["hello"].match == ("hello",)


def test_the_settings_reach_the_question(tmp_path: Path) -> None:
    text = '[lifecycle]\nloyal_orders = 4\n[segments.gold]\nattributes = { tier = ["gold"] }\n'
    text += '[automations.hello]\nkind = "welcome_series"\nmatch = ["Welcome"]\n'
    (tmp_path / "persync.toml").write_text(text, encoding="utf-8")

    asked = load_project(tmp_path, load_plugins(installed=False)).ask(NOW).segments

    assert asked == SegmentSettings(
        rules={"gold": SegmentRule(attributes={"tier": ("gold",)})},
        loyal_orders=4,
        automations={"hello": Automation("welcome_series", ("Welcome",))},
    )


def test_a_misspelt_rule_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "persync.toml").write_text("[segments.gold]\nmin_order = 2\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"line 2.*min_order"):
        load_project(tmp_path, load_plugins(installed=False))


def test_slices_by_segment_are_covered_within_their_kind(shop: Any) -> None:
    """Two new customers are hidden behind the ten active ones, not behind the six of a rule, who tell nothing of them."""
    for person in range(1, 31):
        known(shop, person)
        buys(shop, person, 490 if person < 3 else 450 if person < 13 else 100)
    for person in range(20, 26):
        shop.add("attributes", connection=1, key_id=person, name="tier", value="gold")
    rules = {"gold": SegmentRule(attributes={"tier": ("gold",)})}
    ask = replace(ASK, by=("seg",), suppress_n=5, segments=SegmentSettings(rules=rules))

    read = compute(shop, "repeat_purchase_rate", ask)

    assert {one.by["seg"] for one in read if one.reason == "suppressed"} == {"life-cycle: new", "life-cycle: active"}
