"""A small shop in a store, each of whose words is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from fuzz.tomls import as_toml
from persync import rows
from persync.rows import Action, CampaignRef, OrderRef, Person
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

DAY = 86_400_000
START = 1_700_006_400_000
NOW = START + 60 * DAY
PEOPLE = 60
EXPERIMENT = "experiment"
PLACES = (
    "shop name",
    EXPERIMENT,
    "arm treated",
    "arm control",
    "title",
    "dark title",
    "subject",
    "attribute",
    "north",
    "south",
    "basis",
    "channel",
    "source",
    "decision",
    "outcome",
    "cost category",
    "cost scope",
    "segment",
    "segment rule",
    "product",
    "sku",
    "sales channel",
    "discount code",
    "gateway",
    "claim model",
    "contact source",
    "stage",
    "ticket category",
    "survey",
    "industry",
    "variant label",
    "demographic",
    "evidence",
    "link",
    "coverage reason",
    "shop alias",
)
"""every word that is somebody else's"""


def make_shop(folder: Path, words: Mapping[str, str]) -> None:
    """Make a project in a folder: its persync.toml, and a store of three connections."""
    tags = {words["arm treated"]: "t", words["arm control"]: "c"}
    settings = {
        "report": {"name": words["shop name"], "suppress_n": 1, "show_small_groups": True, "report_n": 1, "timezone": "UTC"},
        "shops": {"aliases": {words["shop alias"]: "corner.example"}},
        "experiments": {
            words[EXPERIMENT]: {
                "control": words["arm control"],
                "from": START,
                "days": 30,
                "holdout": True,
                "planned_shares": dict.fromkeys(tags, 0.5),
            }
        },
    }
    (folder / "persync.toml").write_text("\n".join(as_toml(settings)), encoding="utf-8")
    with open_store(folder / "persync.db", create=True) as store:
        given = (("mail", "mailchimp", _mailing(words)), ("shop", "shopify", _shop(words)), ("files", "files", _files(words)))
        for name, connector, made in given:
            writer = Writer(store, name, connector, now=NOW)
            with store.transaction() as db:
                writer.write(made)
                db.execute(
                    "INSERT INTO coverage VALUES (?, 'all', '', 0, ?, 'complete', '', 1), (?, 'some', '', 0, ?, 'hole', ?, 1)",
                    (writer.connection, NOW, writer.connection, NOW, words["coverage reason"]),
                )
        derive(store)


def _person(number: int) -> Person:
    return Person(("id", f"m{number}"), ("email", f"p{number}@example.com"))


def _is_treated(number: int) -> bool:
    return number % 2 > 0


def _mailing(words: Mapping[str, str]) -> Iterator[rows.Row]:
    yield rows.Account("acc")
    mail, dark = CampaignRef(("id", "spring")), CampaignRef(("id", "dark"))
    yield rows.Segment("list", "l1", name=words["segment"], rule=words["segment rule"])
    for campaign, title in ((mail, "title"), (dark, "dark title")):
        yield rows.Campaign(campaign, kind="regular", title=words[title], subject=words["subject"], sent_at=START, list="l1")
    yield rows.Evidence(mail, "content", (("read", ""), ("segment", words["evidence"]), ("demographic", words["demographic"])))
    yield rows.Variant(mail, "a", words["variant label"], 10)
    for number in range(PEOPLE):
        who = _person(number)
        yield rows.Contact(who, created_at=START - DAY, status="subscribed", source=words["contact source"])
        yield rows.Consent(who, "email", "subscribed", source=words["contact source"])
        yield rows.Attribute(who, words["attribute"], words[("north", "south")[number % 3 > 0]], words["basis"])
        yield rows.Stage(who, words["stage"], START)
        if _is_treated(number):
            for action, at in ((Action.SEND, 0), (Action.OPEN, 60_000), (Action.CLICK, 3_600_000)):
                link = words["link"] if action is Action.CLICK else None
                channel, source = words["channel"], words["source"]
                yield rows.Touchpoint(mail, who, action, START + at, link=link, channel=channel, source=source)
    yield rows.Ticket("t1", _person(1), START, category=words["ticket category"])
    yield rows.Feedback("f1", _person(1), "nps", words["survey"], words["channel"], 9.0, "promoter", START)
    yield rows.Company("c1", industry=words["industry"])
    yield rows.Claim(mail, None, words["claim model"], 5, 15_000, "EUR")


def _shop(words: Mapping[str, str]) -> Iterator[rows.Row]:
    yield rows.Account("shop", currency="EUR", timezone="UTC", shop="corner.example")
    yield rows.Product("p1", words["product"])
    yield rows.PromoCode("d1", words["discount code"])
    for number in range(0, PEOPLE, 2):
        buyer = number + (number % 3 > 0)
        who = Person(("id", f"s{buyer}"), ("email", f"p{buyer}@example.com"))
        order = OrderRef(f"o{number}", "corner.example", f"o{number}", f"#{number}")
        at = START + DAY + number * 60_000
        yield rows.Contact(who, created_at=START)
        yield rows.Order(
            order,
            "order",
            who,
            at,
            "paid",
            False,
            currency="EUR",
            total_minor=2400 + number,
            sales_channel=words["sales channel"],
            journey="observed",
        )
        yield rows.OrderLine(order, "1", "p1", words["sku"], 1, 1, False, 2000 + number)
        yield rows.LedgerEntry(order, "s", "sale", "product", at, 2000 + number, "EUR")
        yield rows.LedgerEntry(order, "s", "sale", "tax", at, 400, "EUR")
        yield rows.OrderDiscount(order, "d", "code", words["discount code"], 100, "EUR")
        yield rows.Payment(order, "p", "sale", "success", words["gateway"], at, 2400, "EUR")


def _files(words: Mapping[str, str]) -> Iterator[rows.Row]:
    for number in range(PEOPLE):
        who = Person(("email", f"p{number}@example.com"))
        yield rows.Assignment(
            words[EXPERIMENT], who, words["arm treated" if _is_treated(number) else "arm control"], START, 0.5
        )
        yield rows.Outcome(who, words["outcome"], float(number % 7), START + DAY)
        yield rows.Decision(words["decision"], who, number % 5 > 1, number / PEOPLE, number % 4 > 0, START)
    for scope in ("", words["cost scope"]):
        yield rows.Cost(f"cost {scope}", START + DAY, words["cost category"], 5_000, "EUR", scope)
