"""How buyers came to the demo shop: the sessions before an order, with the landing addresses the shop would see."""

from __future__ import annotations

from random import Random
from urllib.parse import urlencode

from persync.sandbox.mailing import Purchase
from persync.sandbox.messages import SHOP_URL
from persync.sandbox.people import DAY
from persync.sandbox.world import Click, Message, SandboxPerson, Visit, mc_eid

__all__ = ["add_visits"]

_MINUTE = 60_000
# how a session came about: source, source type, utm, referrer, weight
_WAYS: tuple[tuple[str, str | None, dict[str, str], str, int], ...] = (
    ("direct", None, {}, "", 40),
    ("google", "SEO", {}, "https://www.google.com/", 30),
    ("google", "AD", {"source": "google", "medium": "cpc", "campaign": "brand"}, "https://www.google.com/", 14),
    (
        "facebook",
        "AD",
        {"source": "facebook", "medium": "paid_social", "campaign": "lanterns"},
        "https://www.facebook.com/",
        10,
    ),
    ("instagram", "POST", {}, "https://www.instagram.com/", 6),
)
_PAGES = ("/", "/collections/lanterns", "/collections/blankets", "/collections/garden", "/collections/gifts", "/search")


def add_visits(rng: Random, purchase: Purchase, person: SandboxPerson | None, messages: dict[str, Message]) -> None:
    """Give a web order its sessions of the last 30 days in time order: the clicks that led to it, and others.

    One in twenty leaves no trace (no cookie consent). Ids are local to the order.
    """
    order = purchase.order
    if order.source_name != "web" or rng.random() < 0.05:
        return
    visits = [
        _from_message(rng, click, messages[identity], person)
        for identity, click in purchase.visits
        if person is not None and order.created_at - click.at < 30 * DAY
    ]
    # Who came through a message has seldom looked elsewhere.
    others = rng.choices((0, 1, 2), (60, 30, 10)) if visits else rng.choices((1, 2, 3), (65, 25, 10))
    for _ in range(others[0]):
        source, source_type, utm, referrer, _weight = rng.choices(_WAYS, [way[4] for way in _WAYS])[0]
        at = order.created_at - 2 * _MINUTE - int(rng.expovariate(1 / 3) * DAY) % (29 * DAY)
        landing = SHOP_URL + rng.choice(_PAGES)
        query = {f"utm_{name}": value for name, value in utm.items()}
        if source_type == "AD":
            query["gclid" if source == "google" else "fbclid"] = f"{rng.getrandbits(80):020x}"
        visits.append(
            Visit(
                "",
                at // 1000 * 1000,
                f"{landing}?{urlencode(query)}" if query else landing,
                source,
                source_type,
                dict(utm),
                referrer,
            )
        )
    visits.sort(key=lambda visit: visit.at)
    for index, visit in enumerate(visits):
        visit.id = str(index + 1)
    order.visits = visits


def _from_message(rng: Random, click: Click, message: Message, person: SandboxPerson | None) -> Visit:
    if message.platform == "mailchimp":
        assert person is not None
        utm = {"source": "newsletter", "medium": "email", "campaign": _slug(message.title)} if rng.random() < 0.7 else {}
        query = {"mc_cid": message.id, "mc_eid": mc_eid(person.email)}
    else:
        utm = {"source": "hs_email", "medium": "email", "campaign": _slug(message.title)}
        query = {"_hsmi": message.email_campaign_ids[0], "_hsenc": f"p2ANqtz-{rng.getrandbits(160):040x}"}
    query |= {f"utm_{name}": value for name, value in utm.items()}
    return Visit("", click.at, f"{click.url}?{urlencode(query)}", "email", "NEWSLETTER", utm)


def _slug(title: str) -> str:
    return "-".join(title.lower().replace(",", "").split())
