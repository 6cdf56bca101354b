"""Journeys: what is a touch of an order, and in which order touches stand."""

from __future__ import annotations

from typing import Any

from persync.attribution import journeys
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
    for connection in ("mailchimp", "aweber"):
        for campaign in ("b", "a"):
            for link in ("https://shop.example/2", "https://shop.example/1"):
                for ordinal in (1, 0):
                    shop.touch("ann", noon - 1, connection=connection, campaign=campaign, link=link, ordinal=ordinal)
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
