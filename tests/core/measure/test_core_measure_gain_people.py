"""What people gain: service, time to value, a loyalty programme, experience and ethics, before and after; and the settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.measure.gain_cases import ASK, START, buys, by_id, compute, cost, ms, watched
from persync.errors import ConfigError
from persync.measure.cost_settings import CostSettings, Proxy
from persync.measure.ethics_settings import EthicsSettings
from persync.measure.gain import arrival
from persync.measure.gain.span import months_between
from persync.measure.metric import Ask
from persync.measure.rules import DAY
from persync.measure.value_settings import ValueSettings
from persync.plugins import load_plugins
from persync.settings.project import load_project


def test_tickets_are_for_a_hundred_active_customers_a_month(shop: Any) -> None:
    """Four active customers, three tickets of theirs and one of a stranger, in two months: 37.5."""
    for person in (1, 2, 3, 4):
        buys(shop, person, 10)
    for i, person in enumerate((1, 1, 2, 99)):
        shop.add("tickets", connection=1, ticket=str(i), key_id=person, created_at=START + (20 + i) * DAY)
    watched(shop, 70)
    ask = replace(ASK, period=(ms("2025-01-01"), ms("2025-03-01")), costs=CostSettings(handling_cost=8.0))

    found = by_id(compute(shop, "support_ticket_volume", ask))

    assert (found["support_ticket_volume"].value, found["support_ticket_volume"].n) == (37.5, 4)
    assert found["support_ticket_volume_cost"].value == 32.0
    assert found["support_ticket_volume_change"].reason == "nothing_before"


def test_efficiency_gives_each_number_or_its_reason(shop: Any) -> None:
    buys(shop, 1, 1, 2)
    buys(shop, 2, 3, 4)
    shop.add("tickets", connection=1, ticket="1", key_id=1, created_at=START + 5 * DAY)
    shop.add("campaigns", campaign_key=1, kind="regular")
    shop.add("campaigns", campaign_key=2, kind="automation-email")
    for i, key in enumerate((1, 1, 1, 2)):
        shop.add("touchpoints", connection=1, campaign_key=key, key_id=i, action=1, happened_at=START + 5 * DAY)
    watched(shop, 30)

    found = {
        one.by["what"]: one
        for one in compute(shop, "operational_efficiency", replace(ASK, costs=CostSettings(handling_cost=8)))
    }

    assert {what: (one.value, one.reason) for what, one in found.items()} == {
        "cost to serve a customer": (4.0, None),
        "tickets for 100 orders": (25.0, None),
        "hours a campaign": (None, "no_time_sheet"),
        "automated share of sends": (0.25, None),
    }


def test_time_to_value_is_a_median_that_counts_those_still_waiting(shop: Any) -> None:
    """Orders 1, 2, 4 and 8 days after sign-up, one still waiting: half have by day 4. Activation in 5 days: two of the four who
    signed up as long ago; the young one does not count, though they ordered."""
    for person, days in ((1, 2), (2, 4), (3, 8), (4, None)):
        shop.add("contacts", connection=1, key_id=person, created_at=START)
        if days is not None:
            buys(shop, person, days + 0.1)
    shop.add("contacts", connection=1, key_id=5, created_at=START + 57 * DAY)
    buys(shop, 5, 58.1)
    watched(shop, 60)
    ask = replace(ASK, costs=CostSettings(activation_days=5))

    (days_to,), (rate,) = compute(shop, "time_to_value", ask), compute(shop, "activation_rate", ask)

    assert (days_to.value, days_to.n, rate.value, rate.n) == (4.0, 5, 0.5, 4)
    assert "1 younger people are left out" in rate.note
    early = compute(shop, "activation_rate", replace(ask, costs=CostSettings(activation_days=90)))[0]
    assert early.reason == "immature"


@pytest.mark.parametrize("seed", range(6))
def test_the_median_and_its_interval_are_those_of_statsmodels(seed: int) -> None:
    survival = pytest.importorskip("statsmodels.duration.survfunc")
    rng = np.random.default_rng(seed)
    days, watched_for = rng.geometric(0.05, 120), rng.integers(5, 90, 120)
    time, status = np.minimum(days, watched_for), (days <= watched_for).astype(int)
    came, ended = (np.bincount(time[part], minlength=time.max() + 1).astype(float) for part in (status == 1, status >= 0))

    found = arrival.median(came, ended, 0.95)

    curve = survival.SurvfuncRight(time, status)
    low, high = curve.quantile_ci(0.5, alpha=0.05, method="cloglog")
    assert found is not None
    assert found == (curve.quantile(0.5), low, None if np.isinf(high) else high)


def test_the_value_event_may_be_a_stage(shop: Any) -> None:
    for person, day in ((1, 3), (2, None)):
        shop.add("contacts", connection=1, key_id=person, created_at=START)
        if day is not None:
            shop.add("stages", connection=1, key_id=person, stage="activated", entered_at=START + day * DAY)

    (rate,) = compute(shop, "activation_rate", replace(ASK, costs=CostSettings(value_event="activated")))

    assert (rate.value, "the stage activated within 30 days" in rate.note) == (0.5, True)


def loyal(shop: Any) -> Ask:
    """Two members with four orders of 20.00 each, two others with two of 10.00 each, one of the latter marked none."""
    for person, value in ((1, "gold"), (2, "silver"), (3, "none")):
        shop.add("attributes", connection=1, key_id=person, name="tier", value=value)
    for person in (1, 2):
        buys(shop, person, 1, 2, 3, 4, minor=2000)
    for person in (3, 4):
        buys(shop, person, 1, 2)
    watched(shop, 60)
    return replace(ASK, margin=0.5, costs=CostSettings(loyalty="tier"))


def test_members_are_held_against_the_others_net_of_what_the_programme_costs(shop: Any) -> None:
    ask = loyal(shop)
    cost(shop, "1", START, 2000, scope="loyalty")

    found = compute(shop, "loyalty_programme_effect", ask)
    effect = {one.by["what"]: one.value for one in found if one.id == "loyalty_programme_effect" and one.by}
    apart = [one.value for one in found if one.id == "loyalty_revenue_split"]

    assert {what: effect[what] for what in list(effect)[1:]} == {
        "orders a customer": 2.0,
        "revenue a customer": 60.0,
        "margin a customer": 30.0,
        "margin a customer net of the programme": 20.0,
    }
    assert apart == [20.0, 20.0, 20.0]
    assert {one.label for one in found} == {"raw difference"}


def test_the_loyalty_programmes_return_is_the_margin_of_extra_orders_over_its_cost(shop: Any) -> None:
    """Two orders more, at 20.00 and half of it margin, for two members: 40.00 for 20.00."""
    ask = loyal(shop)
    assert compute(shop, "loyalty_roi", ask)[0].reason == "no_cost"
    cost(shop, "1", START, 2000, scope="loyalty")

    assert compute(shop, "loyalty_roi", ask)[0].value == pytest.approx(1.0)
    assert compute(shop, "loyalty_roi", replace(ask, margin=None))[0].reason == "no_unit_cost"


def test_experience_is_priced_only_by_the_users_own_price(shop: Any) -> None:
    """4.0 to 4.5 of csat; 400 a point for 100: a return of 100 %."""
    for i, (day, value) in enumerate([(1, 3.0), (2, 4.0), (3, 5.0), (11, 4.0), (12, 4.5), (13, 5.0)]):
        shop.add("feedback", connection=1, submission=str(i), kind="CSAT", value=value, submitted_at=START + day * DAY)
    cost(shop, "1", START + 11 * DAY, 10000, scope="cx")
    ask = replace(ASK, now=START + 20 * DAY, value=ValueSettings(started=START + 10 * DAY))

    unpriced = compute(shop, "cx_roi", ask)
    priced = compute(shop, "cx_roi", replace(ask, costs=CostSettings(scores={"csat": 400.0})))

    assert (unpriced[0].reason, unpriced[1].value, unpriced[1].by) == ("unpriced", 0.5, {"survey": "csat"})
    assert (priced[0].value, priced[0].label) == (pytest.approx(1.0), "raw difference")


def test_ethics_are_parts_and_never_one_number(shop: Any) -> None:
    cost(shop, "1", START, 30000, scope="ethics")
    for i, action in enumerate((1, 1, 7)):
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=i, action=action, happened_at=START)

    found = compute(shop, "ethical_roi")

    assert (found[0].reason, [one.value for one in found[1:4]]) == ("not_one_number", [300.0, 1, 0])
    assert {one.id for one in found[1:]} == {"ethical_roi_part"}
    unknown = {one.by["part"]: one.reason for one in found[4:] if one.value is None and "of" not in one.by}
    assert unknown == {
        "cost of harm": "not_priced",
        "fine scenario": "not_priced",
        "revenue by consent": "no_consents",
        "value exchange": "no_denominator",
        "discount per customer": "no_denominator",
        "data points per customer": "no_denominator",
        "gain per customer": "no_denominator",
        "trust index": "no_survey",
        "change of trust": "no_survey",
        "customers kept by trust": "not_measured",
        "transparency score": "no_audit",
        "explanation complete": "no_audit",
        "staff trained": "no_audit",
        "guidelines": "no_audit",
        "days since review": "no_audit",
    }


def test_the_parts_of_ethics_are_what_their_own_metrics_say(shop: Any) -> None:
    """Fines set, trust asked before and after the start, an audit entered, a customer with a consent: none is said to lack."""
    for i in range(40):
        at = START + (1 if i < 20 else 30) * DAY
        shop.add("feedback", connection=1, submission=f"t{i}", kind="TRUST", value=3.0 if i < 20 else 5.0, submitted_at=at)
    for item, grade, value in (("staff_trained", "yes", 0.9), ("guidelines", "yes", None), ("notice", "yes", None)):
        shop.add(
            "feedback", connection=1, submission=item, kind="AUDIT", survey=item, grade=grade, value=value, submitted_at=START
        )
    shop.add(
        "consents", connection=1, key_id=1, channel="email", state="subscribed", number=0, changed_at=START, observed_at=START
    )
    shop.add("touchpoints", connection=1, campaign_key=1, key_id=1, action=7, happened_at=START + DAY)
    shop.add("touchpoints", connection=1, campaign_key=1, key_id=1, action=1, happened_at=START + DAY)
    buys(shop, 1, 2, minor=5000)
    ask = replace(
        ASK,
        value=ValueSettings(started=START + 10 * DAY),
        ethics=EthicsSettings(fines={"register": 20_000.0}, prices={"complaint": 7.0}),
    )

    parts = {
        (one.by["part"], one.by.get("scenario") or one.by.get("of") or one.by.get("state") or ""): one
        for one in compute(shop, "ethical_roi", ask)[1:]
    }

    known = {
        ("fine scenario", "register"): 20_000.0,
        ("cost of harm", ""): -7.0,
        ("harm", "complaint"): 7.0,
        ("revenue by consent", "unstated"): 50.0,
        ("value exchange", ""): 0.0,
        ("trust index", ""): 75.0,
        ("change of trust", ""): 2.0,
        ("staff trained", ""): 0.9,
        ("guidelines", ""): 1.0,
        ("transparency score", ""): 1.0,
    }
    assert {key: parts[key].value for key in known} == known


def weeks(shop: Any, before: int, after: int, rates: tuple[float, float], people: int = 50) -> Ask:
    """Visits of every week, so many of whom convert."""
    for week in range(-before, after):
        rate = rates[0] if week < 0 else rates[1]
        for i in range(people):
            at = START + (week * 7 + 1) * DAY + i
            shop.add("sessions", session=f"{week}/{i}", started_at=at, is_converted=int(i < rate * people))
    return replace(ASK, now=START + after * 7 * DAY, value=ValueSettings(started=START))


def test_before_and_after_takes_the_trend_off_with_eight_weeks_on_each_side(shop: Any) -> None:
    """Ten weeks at 10 %, ten at 20 %: the step is ten points, and the first week known is left out."""
    adjusted, raw = compute(shop, "cro_before_after", weeks(shop, 10, 10, (0.1, 0.2)))

    assert (adjusted.value, adjusted.label, adjusted.by) == (pytest.approx(0.1), "adjusted observational", {"way": "adjusted"})
    assert (raw.value, raw.label, raw.n) == (pytest.approx(0.1), "raw difference", 950)
    assert "9 weeks before" in adjusted.note


def test_before_and_after_of_few_weeks_is_raw_with_a_warning(shop: Any) -> None:
    (raw,) = compute(shop, "cro_before_after", weeks(shop, 4, 4, (0.1, 0.2)))

    assert (raw.label, "warning: 3 and 4 weeks" in raw.note) == ("raw difference", True)
    assert compute(shop, "cro_before_after")[0].reason == "no_start"


def test_months_are_calendar_months_and_what_is_left_counts_by_days() -> None:
    jan, feb, mid = ms("2025-01-01"), ms("2025-02-01"), ms("2025-02-15")

    assert (months_between(jan, feb), months_between(jan, mid), months_between(feb, jan)) == (1.0, 1.5, 0.0)
    assert months_between(ms("2024-12-31T23:00:00"), ms("2025-01-31T23:00:00"), "Europe/Berlin") == 1.0


def test_the_settings_are_read_and_what_is_wrong_is_refused(tmp_path: Path) -> None:
    host = load_plugins(installed=False)
    (tmp_path / "persync.toml").write_text(
        '[costs]\nmonth = "4 weeks"\nrealised_share = 0.5\nloyalty = "tier"\nscores = { csat = 400.0 }\n'
        '[costs.proxies.name]\nkind = "brand"\neach = 10.0\nquantity = 5.0\nsource = "own survey"\non = true\n',
        encoding="utf-8",
    )
    read = load_project(tmp_path, host).ask(0).costs

    assert read == CostSettings(
        weeks_a_month=4,
        realised_share=0.5,
        loyalty="tier",
        scores={"csat": 400.0},
        proxies={"name": Proxy(each=10.0, source="own survey", quantity=5.0, kind="brand", on=True)},
    )
    (tmp_path / "persync.toml").write_text("[costs]\nrealised_share = 2.0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="realised_share"):
        load_project(tmp_path, host)
    (tmp_path / "persync.toml").write_text('[costs.proxies.x]\nkind = "brand"\neach = 1.0\nsource = "s"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="either a quantity or a metric"):
        load_project(tmp_path, host)


def test_a_dimension_that_there_is_not_is_refused(shop: Any) -> None:
    with pytest.raises(ConfigError, match="cac cannot be sliced by 'colour'"):
        compute(shop, "cac", replace(ASK, by=("colour",)))
