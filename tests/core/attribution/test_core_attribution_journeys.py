"""Journeys: what is a touch of an order, and in which order touches stand."""

from __future__ import annotations

from typing import Any

from persync.attribution import journeys
from persync.attribution.models import MODELS
from persync.engine import Engine
from persync.measure.metric import Ask
from persync.rows import Action

SECOND = 1_000
MINUTE = 60 * SECOND
DAY = 86_400_000


def touches(engine: Engine, noon: int, **kept: Any) -> list[tuple[int, str]]:
    """Return (milliseconds before noon, channel) of the journey's touches in their order."""
    journeys.build(engine, Ask(now=0, **kept))
    rows = engine.rows("SELECT j.happened_at, j.channel FROM journeys AS j ORDER BY j.order_id, j.position")
    return [(noon - row["happened_at"], row["channel"]) for row in rows]


def reasons(engine: Engine) -> list[str]:
    """Return why each click and visit is no touch, in time."""
    journeys.build_touches(engine)
    return [row["reason"] for row in engine.rows("SELECT t.reason FROM touches AS t ORDER BY t.happened_at, t.link_id")]


def test_a_touch_lies_within_the_look_back_and_never_after_the_order(shop: Any, noon: int) -> None:
    """Both ends count: exactly 30 days before, and the very moment of the order."""
    for before in (30 * DAY + 1, 30 * DAY, 1, 0, -1):
        shop.touch("ann", noon - before, campaign="c")
    shop.order("1", "ann")
    engine = shop.engine()

    assert touches(engine, noon) == [(30 * DAY, "email"), (1, "email"), (0, "email")]
    assert touches(engine, noon, lookback_days=31) == [(30 * DAY + 1, "email"), (30 * DAY, "email"), (1, "email"), (0, "email")]


def test_only_clicks_and_visits_are_touches(shop: Any, noon: int) -> None:
    """A send, an open, an unsubscription are not."""
    for number, action in enumerate(Action, 1):
        shop.touch("ann", noon - number * 10 * MINUTE * 6, action=action, campaign=f"c{number}")
    shop.order("1", "ann")

    assert touches(shop.engine(), noon) == [
        (int(Action.VISIT) * 60 * MINUTE, "email"),
        (int(Action.CLICK) * 60 * MINUTE, "email"),
    ]


def test_machines_scanners_and_unsubscriptions_are_told_from_people(shop: Any, noon: int) -> None:
    """Three links within two seconds of each other are a scanner's; two, or three slower, are a person's."""
    start = noon - DAY
    shop.touch("ann", start, campaign="flagged", is_machine=1)
    for number in range(3):
        shop.touch("ann", start + MINUTE + number * 2 * SECOND, campaign="scanned", link=f"https://shop.example/{number}")
    for number in range(2):
        shop.touch("ann", start + 2 * MINUTE + number, campaign="two", link=f"https://shop.example/{number}")
    for number in range(3):
        shop.touch("ann", start + 3 * MINUTE + number * 2_001, campaign="slow", link=f"https://shop.example/{number}")
    for number in range(3):
        shop.touch("ann", start + 4 * MINUTE + number, campaign="one-link", link="https://shop.example/0", ordinal=number)
    shop.touch("ann", start + 5 * MINUTE, campaign="left", link="https://shop.example/unsubscribe")

    assert reasons(shop.engine()) == [
        "machine",
        *["scanner"] * 3,
        *[""] * 2,
        *[""] * 3,
        *[""] * 3,
        "unsubscribe",
    ]


def test_links_clicked_at_one_moment_are_a_scanners(shop: Any, noon: int) -> None:
    """Equal times fall into one run."""
    for number in range(3):
        shop.touch("ann", noon, campaign="c", link=f"https://shop.example/{number}")

    assert reasons(shop.engine(seed=3)) == ["scanner"] * 3


def test_a_click_within_two_seconds_of_the_send_is_a_machines(shop: Any, noon: int) -> None:
    """Of that campaign to that person; somebody else's send does not matter."""
    shop.touch("ann", noon, action=Action.SEND, campaign="c")
    shop.touch("ann", noon + 2 * SECOND, campaign="c", link="https://shop.example/1")
    shop.touch("ann", noon + 2 * SECOND + 1, campaign="c", link="https://shop.example/1")
    shop.touch("bob", noon + 2 * SECOND + 2, campaign="c", link="https://shop.example/1")

    assert reasons(shop.engine()) == ["scanner", "", ""]


def test_clicks_without_a_campaign_are_never_a_scan(shop: Any, noon: int) -> None:
    """Imported clicks of many campaigns have none."""
    for number in range(3):
        shop.touch("ann", noon, link=f"https://shop.example/{number}")

    assert reasons(shop.engine()) == ["", "", ""]


def test_a_click_and_the_visit_it_caused_count_once(shop: Any, noon: int) -> None:
    """Same person, same campaign under two of its keys, within 30 minutes."""
    visit = {"action": Action.VISIT, "connection": "shopify"}
    shop.fact("same_campaign", keys=("mail", "utm"))
    shop.touch("ann", noon - DAY, campaign="mail")
    shop.touch("ann", noon - DAY + 30 * MINUTE, campaign="utm", **visit)
    shop.touch("ann", noon - DAY + 30 * MINUTE + 1, campaign="utm", ordinal=1, **visit)
    shop.touch("ann", noon - DAY + 5 * MINUTE, campaign="other", **visit)
    shop.touch("bob", noon - DAY + 5 * MINUTE, campaign="utm", ordinal=2, **visit)
    shop.touch("ann", noon - DAY + 5 * MINUTE, ordinal=3, channel="direct", **visit)

    engine = shop.engine()
    journeys.build_touches(engine)

    rows = engine.rows("SELECT t.happened_at, t.ordinal, t.reason FROM touches AS t WHERE t.action = 9")
    assert {(row["happened_at"] - noon + DAY, row["ordinal"]): row["reason"] for row in rows} == {
        (30 * MINUTE, 0): "same_click",
        (30 * MINUTE + 1, 1): "",
        (5 * MINUTE, 0): "",
        (5 * MINUTE, 2): "",
        (5 * MINUTE, 3): "",
    }


def test_a_visit_stands_when_the_click_beside_it_is_a_machines(shop: Any, noon: int) -> None:
    """A click that is no touch cannot stand for the visit."""
    shop.touch("ann", noon - MINUTE, campaign="c", is_machine=1)
    shop.touch("ann", noon, campaign="c", action=Action.VISIT)

    assert reasons(shop.engine()) == ["machine", ""]


def test_one_person_is_known_by_all_keys_and_everybody_on_the_order_counts(shop: Any, noon: int) -> None:
    """Merged keys, a second contact of a deal, and the contact on another system's copy of the order."""
    shop.fact("same_person", keys=("ann@mail", "ann@shop"))
    shop.touch("ann@mail", noon - 4, campaign="c")
    shop.touch("colleague", noon - 3, campaign="c")
    shop.touch("guest", noon - 2, campaign="c")
    shop.touch("stranger", noon - 1, campaign="c")
    shop.order("1", "ann@shop")
    shop.fact("on_order", order="1", person="colleague")
    shop.order("1-copy", "guest", None, connection="hubspot", copy_of="1")

    assert touches(shop.engine(), noon) == [(4, "email"), (3, "email"), (2, "email")]


def test_orders_that_bring_no_money_have_no_journey(shop: Any, noon: int) -> None:
    """Tests, copies and deals not won are left out; a won deal and a cancelled order are in, the latter uncounted."""
    shop.order("real", "ann")
    shop.order("test", "ann", is_test=1)
    shop.order("copy", "ann", connection="hubspot", copy_of="real")
    shop.order("lost", "ann", connection="hubspot", kind="deal", status="lost")
    shop.order("won", "ann", connection="hubspot", kind="deal", status="won")
    shop.order("cancelled", "ann", cancelled_at=noon)
    shop.order("refunded", "ann")
    shop.money("refunded", "2", -10_000, noon + DAY, event="refund")
    engine = shop.engine()

    journeys.build_orders(engine)

    names = {number: name for (kind, name), number in shop.names.items() if kind == "order"}
    rows = engine.rows("SELECT m.order_id, m.is_counted FROM money_orders AS m")
    assert {names[row["order_id"]]: row["is_counted"] for row in rows} == {"real": 1, "won": 1, "cancelled": 0, "refunded": 0}


def test_ties_in_time_go_by_names_not_by_arrival_or_number(shop: Any, noon: int) -> None:
    """Connection, then campaign, then action, then link, then ordinal; whatever numbers the store gave them."""
    for connection, channel in (("mailchimp", "email"), ("aweber", "sms")):
        for campaign in ("b", "a"):
            for link in ("https://shop.example/2", "https://shop.example/1"):
                for ordinal in (1, 0):
                    more = {"channel": channel, "campaign": campaign, "link": link, "ordinal": ordinal}
                    shop.touch("ann", noon - 1, connection=connection, **more)
    shop.order("1", "ann")

    seen = []
    for seed in (None, 1, 2, 3):
        engine = shop.engine(seed)
        journeys.build(engine, Ask(now=0))
        rows = engine.rows(
            "SELECT n.name, k.key, l.url FROM journeys AS j JOIN connections AS n ON n.connection = j.connection"
            " JOIN campaign_keys AS k ON k.campaign_key = j.campaign_key JOIN campaign_links AS l ON l.link_id = j.link_id"
            " ORDER BY j.position"
        )
        seen.append([tuple(row.values()) for row in rows])

    names = [
        (connection, campaign, f"https://shop.example/{link}")
        for connection in ("aweber", "mailchimp")
        for campaign in ("a", "b")
        for link in (1, 2)
        for _ in range(2)
    ]
    assert seen == [names] * 4


def test_a_journey_counts_its_channels(shop: Any) -> None:
    """Each row knows how many touches its channel has, whether it is the first of it, and how many channels there are."""
    for day, channel in ((4, "google"), (3, "email"), (2, "google"), (1, "email"), (0, "direct")):
        shop.days_before("ann", day, channel=channel, variant="b" if day == 3 else "")
    shop.order("1", "ann")
    engine = shop.engine()
    journeys.build(engine, Ask(now=0))

    rows = engine.rows(
        "SELECT j.is_touch, j.position, j.length, j.channel, j.variant, j.channel_touches, j.channels, j.channel_first"
        " FROM journeys AS j ORDER BY j.position"
    )

    assert [tuple(row.values()) for row in rows] == [
        (1, 1, 5, "google", "", 2, 3, 1),
        (1, 2, 5, "email", "b", 2, 3, 1),
        (1, 3, 5, "google", "", 2, 3, 0),
        (1, 4, 5, "email", "", 2, 3, 0),
        (1, 5, 5, "direct", "", 1, 3, 1),
    ]


def test_opens_and_sends_count_only_by_option_each_in_its_own_window(shop: Any, noon: int) -> None:
    """Five days for an open and one for a send unless set; a machine's open never."""
    for day in (4, 6):
        shop.touch("ann", noon - day * DAY, action=Action.OPEN, campaign=f"o{day}")
    shop.touch("ann", noon - DAY, action=Action.OPEN, campaign="proxy", is_machine=1)
    for hours in (12, 36):
        shop.touch("ann", noon - hours * DAY // 24, action=Action.SEND, campaign=f"s{hours}")
    shop.touch("ann", noon - 20 * DAY, campaign="c")
    shop.order("1", "ann")
    engine = shop.engine()

    days = [before / DAY for before, _ in touches(engine, noon, kinds=("click", "open", "send"))]
    assert days == [20, 4, 0.5]
    days = [before / DAY for before, _ in touches(engine, noon, kinds=("open", "send"), windows={"open": 7, "send": 2})]
    assert days == [6, 4, 1.5, 0.5]


def test_a_direct_visit_is_a_kind_of_its_own(shop: Any, noon: int) -> None:
    """It may be left out, or have a look-back of its own."""
    for day, channel in ((9, "direct"), (8, "google"), (3, "direct")):
        shop.touch("ann", noon - day * DAY, action=Action.VISIT, channel=channel)
    shop.order("1", "ann")
    engine = shop.engine()

    assert touches(engine, noon, kinds=("click", "visit")) == [(8 * DAY, "google")]
    assert touches(engine, noon, windows={"direct": 5}) == [(8 * DAY, "google"), (3 * DAY, "direct")]


def test_a_path_may_begin_after_the_last_order_of_another_day_of_the_shop(shop: Any, noon: int) -> None:
    """Orders of one day are one purchase: noon is 13:00 in Berlin, and 22:30 the evening before is 23:30 there."""
    for day in (9, 5, 2, 0.1):
        shop.touch("ann", noon - round(day * DAY), campaign=f"c{day}")
    shop.order("first", "ann", at=noon - 6 * DAY)
    shop.order("late", "ann", at=noon - 13 * DAY // 24)  # 23:00 UTC is midnight in Berlin: the same day there, not in UTC
    shop.order("last", "ann")
    engine = shop.engine()

    def ages(timezone: str) -> dict[str, list[float]]:
        journeys.build(engine, Ask(now=0, path="since_last_order", timezone=timezone))
        names = {number: name for (kind, name), number in shop.names.items() if kind == "order"}
        rows = engine.rows("SELECT j.order_id, j.happened_at FROM journeys AS j ORDER BY j.order_id, j.position")
        found: dict[str, list[float]] = {}
        for row in rows:
            found.setdefault(names[row["order_id"]], []).append(round((noon - row["happened_at"]) / DAY, 1))
        return found

    assert ages("Europe/Berlin") == {"first": [9], "late": [5, 2], "last": [5, 2, 0.1]}
    assert ages("UTC") == {"first": [9], "late": [5, 2], "last": [0.1]}


def test_the_days_of_the_shop_follow_its_clocks(shop: Any) -> None:
    """New York set its clocks back on 2023-11-05: 04:30 UTC is 00:30 before and 23:30 the day before after it."""
    for name, at in (("1", 1_698_985_800_000), ("2", 1_699_072_200_000), ("3", 1_699_331_400_000), ("4", 1_699_335_000_000)):
        shop.order(name, "ann", at=at)  # 11-03 00:30, 11-04 00:30, 11-06 23:30, 11-07 00:30, all New York
    engine = shop.engine()
    journeys.build(engine, Ask(now=0, path="since_last_order", timezone="America/New_York"))

    names = {number: name for (kind, name), number in shop.names.items() if kind == "order"}
    rows = engine.rows("SELECT p.order_id, p.since_at FROM previous_orders AS p ORDER BY p.since_at")
    assert {names[row["order_id"]]: row["since_at"] for row in rows} == {
        "2": 1_698_985_800_000,
        "3": 1_699_072_200_000,
        "4": 1_699_331_400_000,
    }


def test_one_touch_that_two_systems_saw_counts_once(shop: Any, noon: int) -> None:
    """A visit of an unknown e-mail campaign just after a mail's click, and a visit that two connections counted."""
    visit = {"action": Action.VISIT}
    shop.touch("ann", noon - DAY, campaign="mail")
    shop.touch("ann", noon - DAY + 4 * MINUTE, connection="shopify", **visit)
    shop.touch("ann", noon - DAY + 5 * MINUTE + 1, connection="shopify", **visit)
    shop.touch("ann", noon - DAY + 6 * MINUTE, connection="shopify", channel="google", **visit)
    shop.touch("bob", noon - MINUTE, campaign="c", channel="sms", connection="shopify", **visit)
    shop.touch("bob", noon - 2 * MINUTE, campaign="c", channel="sms", connection="hubspot", **visit)
    shop.touch("bob", noon - 8 * MINUTE, campaign="c", channel="sms", connection="shopify", **visit)

    for seed in (None, 4):
        assert reasons(shop.engine(seed)) == ["", "same_click", "", "", "", "", "same_click"]


def test_the_order_of_arrival_does_not_decide_what_counts_once(shop: Any, noon: int) -> None:
    """Whichever system's rows came first: the connection whose name comes first stands."""
    for connection in ("b", "a", "c"):
        shop.touch("ann", noon, campaign="x", connection=connection, link="https://shop.example/1")
    for seed in (None, 1, 2):
        engine = shop.engine(seed)
        journeys.build_touches(engine)
        rows = engine.rows(
            "SELECT n.name, t.reason FROM touches AS t JOIN connections AS n ON n.connection = t.connection ORDER BY n.name"
        )
        assert [tuple(row.values()) for row in rows] == [("a", ""), ("b", "same_click"), ("c", "same_click")]


def test_of_a_click_and_its_visit_the_one_that_counts_stays(shop: Any, noon: int) -> None:
    """Both count: the click; one of them alone, or one farther back: that one; `direct` is a kind of its own."""
    shop.touch("ann", noon - 9 * DAY, campaign="mail")
    shop.touch("ann", noon - 9 * DAY + MINUTE, campaign="mail", action=Action.VISIT, connection="shopify")
    shop.touch("ann", noon - DAY, campaign="other")
    shop.touch("ann", noon - DAY + 2 * MINUTE, action=Action.VISIT, connection="shopify")
    shop.touch("ann", noon - MINUTE, campaign="d", channel="direct")
    shop.touch("ann", noon - MINUTE + 1, campaign="d", channel="google", action=Action.VISIT)
    shop.order("1", "ann")
    engine = shop.engine()
    clicks, visits = [(9 * DAY, "email"), (DAY, "email")], [(9 * DAY - MINUTE, "email"), (DAY - 2 * MINUTE, "email")]

    assert touches(engine, noon) == [*clicks, (MINUTE, "direct")]
    assert touches(engine, noon, kinds=("click", "visit")) == [*clicks, (MINUTE - 1, "google")]
    assert touches(engine, noon, kinds=("visit",)) == [*visits, (MINUTE - 1, "google")]
    assert touches(engine, noon, kinds=("click",)) == clicks
    assert touches(engine, noon, windows={"click": 7.0}) == [*visits, (MINUTE, "direct")]
    assert touches(engine, noon, windows={"direct": 7.0}) == [*clicks, (MINUTE - 1, "google")]
    assert touches(engine, noon, windows={"visit": 7.0}) == [*clicks, (MINUTE, "direct")]


def milestones(engine: Engine, **kept: Any) -> list[tuple[Any, ...]]:
    """Return (position, is_lead, is_opportunity, has_lead, has_opportunity) of each touch."""
    journeys.build(engine, Ask(now=0, **kept), MODELS)
    rows = engine.rows(
        "SELECT j.position, j.is_lead, j.is_opportunity, j.has_lead, j.has_opportunity FROM journeys AS j"
        " WHERE j.is_touch = 1 ORDER BY j.order_id, j.position"
    )
    return [tuple(row.values()) for row in rows]


def test_the_last_touch_before_a_milestone_takes_it(shop: Any, noon: int) -> None:
    """The contact is made between the second and third touch; the cart is begun just before the order."""
    shop.days_before("ann", 9, 6, 3, 1)
    shop.fact("contact", person="ann", created_at=noon - 5 * DAY)
    shop.fact("stage", person="ann", stage="lead", entered_at=noon - 4 * DAY)
    shop.fact("cart", person="ann", created_at=noon - MINUTE)
    shop.fact("cart", person="ann", created_at=noon - 2 * DAY, completed_at=noon - 2 * DAY)
    shop.order("1", "ann")

    assert milestones(shop.engine()) == [(1, 0, 0, 1, 1), (2, 1, 0, 1, 1), (3, 0, 0, 1, 1), (4, 0, 1, 1, 1)]


def test_a_milestone_before_all_touches_or_after_the_order_is_missing(shop: Any, noon: int) -> None:
    """Known for long, or only known later: nobody's touch made them a lead."""
    shop.days_before("ann", 3, 1)
    shop.fact("contact", person="ann", created_at=noon - 4 * DAY)
    shop.fact("stage", person="ann", stage="opportunity", entered_at=noon + 1)
    shop.order("1", "ann")

    assert milestones(shop.engine()) == [(1, 0, 0, 0, 0), (2, 0, 0, 0, 0)]


def test_the_milestones_of_a_deal_are_those_of_all_its_contacts(shop: Any, noon: int) -> None:
    """The first of them that became a lead within the look-back; touches of each count."""
    shop.touch("ann", noon - 9 * DAY, campaign="a")
    shop.touch("bob", noon - 5 * DAY, campaign="b")
    shop.touch("bob", noon - 2 * DAY, campaign="c")
    shop.fact("stage", person="ann", stage="subscriber", entered_at=noon - 300 * DAY)
    shop.fact("stage", person="bob", stage="lead", entered_at=noon - 4 * DAY)
    shop.fact("stage", person="bob", stage="opportunity", entered_at=noon - DAY)
    shop.order("1", "ann", kind="deal", status="won")
    shop.fact("on_order", order="1", person="bob")

    assert milestones(shop.engine()) == [(1, 0, 0, 1, 1), (2, 1, 0, 1, 1), (3, 0, 1, 1, 1)]


def test_a_deals_opportunity_is_when_it_was_made(shop: Any, noon: int) -> None:
    """Whatever its contact's stage or cart says; the other order keeps to its cart, and one made after its sale has none."""
    shop.days_before("ann", 9, 6, 3, 1)
    shop.fact("cart", person="ann", created_at=noon - MINUTE)
    shop.fact("stage", person="ann", stage="opportunity", entered_at=noon - 2 * DAY)
    shop.order("1", "ann", kind="deal", status="won", opened_at=noon - 5 * DAY)
    shop.order("2", "ann")
    shop.days_before("bob", 3, 1)
    shop.order("3", "bob", kind="deal", status="won", opened_at=noon + 1)
    engine = shop.engine()
    found = milestones(engine)
    orders = engine.rows("SELECT j.order_id, j.position FROM journeys AS j WHERE j.is_opportunity = 1")

    assert {row["order_id"]: row["position"] for row in orders} == {shop.names["order", "1"]: 2, shop.names["order", "2"]: 4}
    assert sum(is_opportunity for _, _, is_opportunity, _, _ in found) == 2


def test_the_e_mail_rule_sees_clicks_of_thirty_days_and_opens_of_five(shop: Any, noon: int) -> None:
    """Whatever counts as a touch; what is none of the touches has position 0 and is seen by that model alone."""
    shop.touch("ann", noon - 29 * DAY, campaign="clicked")
    shop.touch("ann", noon - 6 * DAY, action=Action.OPEN, campaign="old")
    shop.touch("ann", noon - 3 * DAY, action=Action.OPEN, campaign="opened")
    shop.touch("ann", noon - 2 * DAY, action=Action.OPEN, campaign="proxy", is_machine=1)
    shop.touch("ann", noon - DAY, action=Action.VISIT, channel="google")
    shop.order("1", "ann")
    shop.touch("bob", noon - 29 * DAY, campaign="clicked")
    shop.order("2", "bob")
    engine = shop.engine()

    def rows(**kept: Any) -> list[tuple[Any, ...]]:
        journeys.build(engine, Ask(now=0, **kept), MODELS)
        found = engine.rows(
            "SELECT j.action, j.is_touch, j.position, j.length, j.is_last_email FROM journeys AS j"
            " ORDER BY j.key_id, j.happened_at"
        )
        return [tuple(row.values()) for row in found]

    assert rows() == [(4, 1, 1, 2, 0), (3, 0, 0, 2, 1), (9, 1, 2, 2, 0), (4, 1, 1, 1, 1)]
    assert rows(lookback_days=7) == [(3, 0, 0, 1, 1), (9, 1, 1, 1, 0), (4, 0, 0, 0, 1)]
