"""The demo world: seeded, consistent, and true to what its truth.json says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from math import sqrt
from statistics import fmean, variance
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from persync.sandbox.demo import NOW, make_world
from persync.sandbox.messages import admits
from persync.sandbox.orders import net_minor
from persync.sandbox.world import SandboxOrder, World, tag_id

DAY = 86_400_000


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(7)


def small(seed: int) -> World:
    return make_world(seed, people=300)


def window(world: World) -> tuple[int, int]:
    experiment = world.experiments["personal"]
    begins = int(datetime.fromisoformat(experiment["from"]).replace(tzinfo=UTC).timestamp()) * 1000
    return begins, begins + experiment["days"] * DAY


def arm_values(world: World) -> tuple[list[float], list[float]]:
    """Net revenue in the window of each member of the two arms, read from people, tags and orders alone."""
    begins, ends = window(world)
    numbers = {person.email: person.number for person in world.people.values()}
    spent: dict[int, int] = {}
    for order in world.orders:
        number = order.person if order.person is not None else numbers.get(order.email or "")
        if number is not None and not order.is_test and begins <= order.processed_at < ends:
            spent[number] = spent.get(number, 0) + net_minor(order)
    arms: tuple[list[float], list[float]] = ([], [])
    for person in world.people.values():
        for arm, tag in enumerate(("personal:treated", "personal:control")):
            if tag in person.tags:
                arms[arm].append(spent.get(person.number, 0) / 100)
    return arms


def moments(world: World) -> Iterator[tuple[str, int]]:
    """Every moment in a world."""
    for person in world.people.values():
        yield "person", person.created_at
        yield "person", person.updated_at
        yield "status", person.status_changed_at or 0
        yield from (("stage", at) for at in person.stage_dates.values())
    for message in world.messages:
        yield "message", message.created_at
        yield "message", message.sent_at or 0
        for send in message.sends:
            yield from (("send", at or 0) for at in (send.at, send.unsubscribed_at, send.complained_at))
            yield from (("open", opened.at) for opened in send.opens)
            yield from (("click", click.at) for click in send.clicks)
    for order in (*world.orders, *world.deals):
        yield from (("order", at or 0) for at in (order.created_at, order.processed_at, order.updated_at, order.cancelled_at))
        yield from (("ledger", event.at) for event in order.ledger)
        yield from (("visit", visit.at) for visit in order.visits)


def test_same_seed_makes_the_same_world_and_another_seed_another() -> None:
    assert asdict(small(3)) == asdict(small(3))
    assert asdict(small(3)) != asdict(small(4))


def test_the_shop_is_as_large_as_promised(world: World) -> None:
    people = world.truth["people"]

    assert people["all"] == 4000
    assert 3000 <= people["mailchimp"] <= 3300
    assert 1300 <= people["hubspot"] <= 1600
    both = sum(person.mailchimp_id is not None and person.hubspot_id is not None for person in world.people.values())
    assert 550 <= both <= 750
    assert 1600 <= people["shopify"] <= 2100
    assert 2200 <= len(world.orders) <= 2800
    assert len(world.deals) == 30


def test_nothing_happens_after_now(world: World) -> None:
    assert world.now == NOW
    assert [found for found in moments(world) if found[1] > world.now] == []


def test_nothing_happens_before_its_cause(world: World) -> None:
    for message in world.messages:
        for send in message.sends:
            assert message.sent_at is not None
            assert send.at >= message.sent_at
            assert all(opened.at >= send.at for opened in send.opens)
            assert all(click.at >= send.at for click in send.clicks)
    for order in world.orders:
        assert all(visit.at <= order.created_at for visit in order.visits)
        assert order.ledger == sorted(order.ledger, key=lambda event: event.at)


def test_every_person_has_an_address_of_their_own_and_no_stranger_shares_it(world: World) -> None:
    emails = [person.email for person in world.people.values()]
    guests = {order.email for order in world.orders if order.email is not None} - set(emails)

    assert len(set(emails)) == len(emails)
    assert all(email == email.lower() and email.endswith("@example.com") for email in (*emails, *guests))
    assert len(guests) == 16


def test_platform_ids_are_unique(world: World) -> None:
    for ids in (
        [person.mailchimp_id for person in world.people.values() if person.mailchimp_id],
        [person.shopify_id for person in world.people.values() if person.shopify_id],
        [i for person in world.people.values() if person.hubspot_id for i in (person.hubspot_id, *person.hubspot_merged_ids)],
        [order.id for order in world.orders],
        [line.id for order in world.orders for line in order.lines],
        [event.id for order in world.orders for event in order.ledger],
        [visit.id for order in world.orders for visit in order.visits],
        [order.in_hubspot for order in (*world.orders, *world.deals) if order.in_hubspot],
        [message.id for message in world.messages],
    ):
        assert len(set(ids)) == len(ids)


def test_orders_are_named_in_the_order_they_were_made(world: World) -> None:
    assert [order.name for order in world.orders] == [f"#{number}" for number in range(1001, 1001 + len(world.orders))]
    made = [order.created_at for order in world.orders]
    assert made == sorted(made)


def test_every_ledger_adds_up_to_what_the_lines_are_worth_now(world: World) -> None:
    """Goods still kept, at what they cost, are what the product and gift card sales add up to."""
    for order in world.orders:
        goods = sum(event.total_minor for event in order.ledger if event.line_type in ("PRODUCT", "GIFT_CARD"))
        kept = sum(line.unit_price_minor * line.quantity - line.discount_minor for line in order.lines if line.current_quantity)
        assert goods == kept
        assert order.total_minor() == sum(event.total_minor for event in order.ledger) >= 0


def test_tax_is_inside_each_sale_at_the_rate_of_the_buyers_country(world: World) -> None:
    rates = {"DE": 19, "AT": 20, "NL": 21, "FR": 20, "CH": 0}
    numbers = {person.email: person for person in world.people.values()}
    for order in world.orders:
        person = world.people[order.person] if order.person is not None else numbers.get(order.email or "")
        rate = rates[person.country if person is not None else "DE"]
        for event in order.ledger:
            taxed = event.line_type in ("PRODUCT", "SHIPPING")
            assert event.tax_minor == pytest.approx(event.total_minor * rate / (100 + rate) if taxed else 0, abs=0.5 + 1e-9)


def test_the_odd_cases_are_all_there(world: World) -> None:
    orders = world.orders
    sends = [send for message in world.messages for send in message.sends]
    found = {
        "cancelled": any(order.cancelled_at is not None and order.total_minor() == 0 for order in orders),
        "test order": sum(order.is_test for order in orders) == 2,
        "booked late": any(order.processed_at < order.created_at for order in orders),
        "partial refund": any(order.financial_status == "PARTIALLY_REFUNDED" for order in orders),
        "full refund": any(order.financial_status == "REFUNDED" and order.cancelled_at is None for order in orders),
        "refund in a later month": any(event.at > order.created_at + 31 * DAY for order in orders for event in order.ledger),
        "exchange": any(event.reason == "ORDER_EDIT" for order in orders for event in order.ledger),
        "goodwill": any(event.line_type == "ADJUSTMENT" for order in orders for event in order.ledger),
        "gift card": any(line.is_gift_card for order in orders for line in order.lines),
        "tip": any(event.line_type == "TIP" for order in orders for event in order.ledger),
        "discount": any(order.discount_codes and order.lines[0].discount_minor for order in orders),
        "pos": any(order.source_name == "pos" and not order.visits for order in orders),
        "draft": any(order.source_name == "shopify_draft_order" for order in orders),
        "journey not ready": any(not order.journey_ready for order in orders),
        "journey unobserved": any(order.journey_ready and order.source_name == "web" and not order.visits for order in orders),
        "guest": any(order.person is None for order in orders),
        "hubspot copy": 0.25 < sum(order.in_hubspot is not None for order in orders) / len(orders) < 0.42,
        "merge": any(person.hubspot_merged_ids for person in world.people.values()),
        "deal of several": any(deal.people for deal in world.deals),
        "won and lost": {"closedwon", "closedlost"} < {deal.stage for deal in world.deals},
        "statuses": {person.status for person in world.people.values()}
        == {"subscribed", "unsubscribed", "cleaned", "pending", "archived"},
        "send states": {send.status for send in sends} == {"sent", "hard", "soft", "dropped"},
        "unsubscribed": any(send.unsubscribed_at for send in sends),
        "complained": any(send.complained_at for send in sends),
        "machine opens": any(opened.is_machine for send in sends for opened in send.opens),
        "variants": {send.variant for message in world.messages if message.kind == "variate" for send in message.sends}
        == {"a", "b"},
        "draft campaign": any(message.sent_at is None and not message.sends for message in world.messages),
    }

    assert [name for name, there in found.items() if not there] == []


def test_messages_of_every_level_were_sent_on_both_platforms(world: World) -> None:
    levels = {
        platform: {message.level for message in world.messages if message.platform == platform and message.sends}
        for platform in ("mailchimp", "hubspot")
    }

    assert levels == {"mailchimp": {0, 1, 2, 3, 4, None}, "hubspot": {0, 1, 2, 3, 4}}


def test_scanners_click_every_link_within_two_seconds_of_the_send(world: World) -> None:
    scans = 0
    for message in world.messages:
        for send in message.sends:
            if machine := [click for click in send.clicks if click.is_machine]:
                scans += 1
                assert all(f'href="{click.url}"' in message.html for click in machine) or not message.html
                assert max(click.at for click in machine) <= send.at + 2000
    assert scans > 100


def test_visits_carry_the_platforms_ids_back_to_the_shop(world: World) -> None:
    landings = [visit.landing for order in world.orders for visit in order.visits]
    known = {message.id for message in world.messages if message.platform == "mailchimp"}
    cids = {landing.split("mc_cid=")[1].split("&")[0] for landing in landings if "mc_cid=" in landing}
    sources = {(visit.source, visit.source_type) for order in world.orders for visit in order.visits}

    assert cids <= known
    assert len(cids) > 8
    assert any("mc_eid=" in landing for landing in landings)
    assert any("_hsmi=" in landing and "_hsenc=" in landing for landing in landings)
    assert {("email", "NEWSLETTER"), ("direct", None), ("google", "SEO"), ("google", "AD"), ("facebook", "AD")} <= sources


def test_segments_hold_for_everyone_who_was_sent_the_message(world: World) -> None:
    for message in world.messages:
        if message.platform == "mailchimp":
            got = [world.people[send.person] for send in message.sends]
            assert all(admits(message.segment, person, person.tags) for person in got)


def test_only_the_treated_get_personalised_mail_during_the_experiment(world: World) -> None:
    begins, _ends = window(world)
    reached = {
        tag
        for message in world.messages
        for send in message.sends
        if message.platform == "mailchimp" and (message.level or 0) >= 2 and send.at >= begins
        for tag in world.people[send.person].tags
    }

    assert "personal:treated" in reached
    assert "personal:control" not in reached


def test_the_arms_are_drawn_by_lot(world: World) -> None:
    """Half are treated, and nothing of before the experiment tells the arms apart."""
    begins, _ends = window(world)
    arms = {
        arm: [person for person in world.people.values() if f"personal:{arm}" in person.tags] for arm in ("treated", "control")
    }
    sizes = {arm: len(members) for arm, members in arms.items()}
    total = sum(sizes.values())
    before = dict.fromkeys(world.people, 0)
    for order in world.orders:
        if order.person is not None and order.created_at < begins:
            before[order.person] += net_minor(order)
    spent = {arm: [before[person.number] for person in members] for arm, members in arms.items()}
    error = sqrt(sum(variance(values) / len(values) for values in spent.values()))

    assert world.truth["experiments"]["personal"]["arms"] == sizes
    assert world.experiments["personal"]["planned_shares"] == {"treated": 0.5, "control": 0.5}
    assert abs(sizes["treated"] - 0.5 * total) < 3 * sqrt(0.25 * total)
    assert abs(fmean(spent["treated"]) - fmean(spent["control"])) < 3 * error


def test_the_window_holds_the_same_orders_in_utc_and_in_shop_time(world: World) -> None:
    zone = ZoneInfo(world.timezone)
    begins, ends = window(world)
    first, last = (datetime.fromtimestamp(at / 1000, UTC).date() for at in (begins, ends))
    for order in world.orders:
        local = datetime.fromtimestamp(order.processed_at / 1000, zone).date()
        assert (begins <= order.processed_at < ends) == (first <= local < last)


def test_no_refund_crosses_the_experiments_first_day(world: World) -> None:
    """So net revenue inside the window is the same whether it is read by order or by ledger date."""
    begins, _ends = window(world)
    for order in world.orders:
        assert len({event.at >= begins for event in order.ledger}) == 1


def test_the_planted_lift_is_what_the_arms_show_up_to_chance(world: World) -> None:
    told = world.truth["experiments"]["personal"]
    treated, control = arm_values(world)
    error = sqrt(variance(treated) / len(treated) + variance(control) / len(control))

    assert told["naive"]["revenue"]["value"] == pytest.approx(fmean(treated) - fmean(control), abs=1e-9)
    assert told["lift"]["revenue"] / error > 4


def test_the_lift_differs_by_group_as_planted(world: World) -> None:
    by = world.truth["experiments"]["personal"]["by"]

    ages, countries = by["ageband"], by["country"]
    assert ages["30-44"]["revenue"] > 2 * ages["18-29"]["revenue"] > 0 > ages["60+"]["revenue"]
    assert countries["AT"]["revenue"] > 2 * countries["FR"]["revenue"]
    assert sum(group["members"] for group in ages.values()) == sum(world.truth["experiments"]["personal"]["arms"].values())


def test_revenue_after_the_mails_overstates_what_they_caused(world: World) -> None:
    told = world.truth["experiments"]["personal"]

    assert told["raw_revenue_after_mail"] > 2 * told["caused_revenue"] > 0


def test_who_would_buy_anyway_comes_through_a_message_more_often_than_messages_make_somebody_buy(world: World) -> None:
    """What rules over-credit; and the more often somebody buys unasked, the more of their orders are among them."""
    email = world.truth["email"]
    links = {"mc_cid", "_hsmi"}
    by_mail: dict[int, list[bool]] = {}
    for order in world.orders:
        if order.person is not None and order.visits and world.people[order.person].mailchimp_id is not None:
            came = any(name in visit.landing for visit in order.visits for name in links)
            by_mail.setdefault(order.person, []).append(came)
    seldom, often = (
        [came for orders in by_mail.values() if low <= len(orders) < high for came in orders] for low, high in ((1, 2), (3, 99))
    )

    assert email["came_anyway"]["orders"] > email["orders"] > 100
    assert email["came_anyway"]["net_minor"] > email["net_minor"]
    assert fmean(often) > fmean(seldom) > 0.2


def test_the_planted_lift_lies_in_the_naive_interval_in_17_of_20_seeds() -> None:
    covered = 0
    for seed in range(1, 21):
        world = make_world(seed, people=1500)
        treated, control = arm_values(world)
        margin = 1.96 * sqrt(variance(treated) / len(treated) + variance(control) / len(control))
        planted = world.truth["experiments"]["personal"]["lift"]["revenue"]
        covered += abs(fmean(treated) - fmean(control) - planted) <= margin

    assert covered >= 17


def test_the_shops_totals_are_the_sum_of_the_ledgers(world: World) -> None:
    shop = world.truth["shop"]
    real = [order for order in world.orders if not order.is_test]

    assert shop["orders"] == len(real)
    assert shop["gross_minor"] == sum(order.total_minor() for order in real) == sum(shop["parts_minor"].values())
    assert shop["net_minor"] == sum(net_minor(order) for order in real)


def test_each_platform_claims_more_than_all_mail_together_earned(world: World) -> None:
    claims, earned = world.truth["claims"], world.truth["email"]["gross_minor"]

    assert claims["mailchimp"]["minor"] > 2 * earned > 0
    assert min(claims["hubspot"].values()) > earned
    assert set(claims["hubspot"]) == set(world.hubspot_campaigns[0]["revenue"])


def test_a_claim_is_every_order_within_five_days_of_an_open_or_thirty_of_a_click(world: World) -> None:
    message = next(message for message in world.messages if message.title == "Gift ideas")
    numbers = {person.email: person.number for person in world.people.values()}
    claimed: list[SandboxOrder] = []
    for send in message.sends:
        for order in world.orders:
            number = order.person if order.person is not None else numbers.get(order.email or "")
            if number != send.person or order.is_test:
                continue
            soon = any(0 <= order.created_at - opened.at < 5 * DAY for opened in send.opens)
            later = any(0 <= order.created_at - click.at < 30 * DAY for click in send.clicks)
            if soon or later:
                claimed.append(order)

    assert message.claimed_orders == len(claimed)
    paid = sum(event.total_minor for order in claimed for event in order.ledger if event.reason == "ORDER")
    assert message.claimed_minor == paid


def test_exposure_is_lower_for_one_country_and_one_age_band(world: World) -> None:
    def shares(name: str) -> dict[str, float]:
        return {group: told["exposed"] / told["mailed"] for group, told in world.truth["exposure"][name].items()}

    countries, ages = shares("country"), shares("ageband")
    assert countries.pop("FR") < 0.6 * min(countries.values())
    assert ages.pop("60+") < 0.8 * min(ages.values())


def test_the_unreadable_message_reached_few_so_that_most_peoples_exposure_is_known(world: World) -> None:
    unreadable = next(message for message in world.messages if message.level is None)

    assert unreadable.html == ""
    assert 0.05 < len(unreadable.sends) / world.truth["people"]["mailchimp"] < 0.15


def test_attributes_are_unknown_for_some_and_opted_in_with_a_basis(world: World) -> None:
    members = [person for person in world.people.values() if person.mailchimp_id is not None]
    unknown = {tag: fmean(person.merge_fields[tag] == "" for person in members) for tag in ("COUNTRY", "AGEBAND")}

    assert 0.17 < unknown["AGEBAND"] < 0.23
    assert 0.07 < unknown["COUNTRY"] < 0.13
    assert set(world.attributes["mailchimp"]) == {tag.lower() for tag in world.merge_field_types}
    assert all(world.attributes["mailchimp"].values())


def test_too_small_a_world_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 50 people, not 49"):
        make_world(1, people=49)
    assert len(make_world(1, people=50).people) == 50


def test_only_won_deals_count_as_earned(world: World) -> None:
    won = [deal.total_minor() for deal in world.deals if deal.stage == "closedwon"]

    assert world.truth["deals"] == {"won": len(won), "won_minor": sum(won)}
    assert 0 < len(won) < 30
    assert all(deal.total_minor() > 0 and deal.kind == "deal" for deal in world.deals)


def test_tag_ids_do_not_clash(world: World) -> None:
    tags = {tag for person in world.people.values() for tag in person.tags}

    assert tags == {"personal:treated", "personal:control", "interest:garden"}
    assert len({tag_id(tag) for tag in tags}) == 3


def test_costs_are_dated_inside_the_year_with_the_documented_columns(world: World) -> None:
    header, *lines = world.files["costs.csv"].splitlines()
    rows: list[dict[str, Any]] = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]

    assert header == "date,category,amount,currency,scope,amortise_months"
    assert world.file_kinds == {"costs.csv": "costs"}
    assert {row["category"] for row in rows} == {"setup", "tool", "labour", "content", "data"}
    assert all("2025-09-30" <= row["date"] <= "2026-09-30" and row["currency"] == "EUR" for row in rows)
