"""What the demo shop sent: its campaigns with their content, audience and true pull."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from persync.sandbox.people import DAY, HOUR
from persync.sandbox.world import Message, SandboxPerson, tag_id

__all__ = ["CAMPAIGN_GUIDS", "CONTROL", "SHOP_URL", "TREATED", "Plan", "admits", "make_plans"]

TREATED, CONTROL = "personal:treated", "personal:control"
SHOP_URL = "https://nordlicht.example.com"
CAMPAIGN_GUIDS = ("6b1f0c52-8a7e-4d0a-9a56-0c5f7b1d2e31", "d2a94e07-3c1b-4f68-8f0e-7e2a51c9b640")

_LANTERNS, _BLANKETS, _GARDEN, _SALE, _GIFTS, _BASKET = (
    f"{SHOP_URL}/{path}"
    for path in (
        "collections/lanterns",
        "collections/blankets",
        "collections/garden",
        "collections/sale",
        "collections/gifts",
        "cart",
    )
)
_NOT_FRANCE = {"condition_type": "TextMerge", "field": "COUNTRY", "op": "not", "value": "FR"}
_NOT_60 = {"condition_type": "TextMerge", "field": "AGEBAND", "op": "not", "value": "60+"}


@dataclass(slots=True)
class Plan:
    """A message and how it came about. Times at which it goes out are epoch milliseconds."""

    message: Message
    links: tuple[str, ...]
    pull: float = 0.0
    """chance that it makes a typical receiver buy who would not have bought"""
    trial: bool = False
    """only the treated arm gets it"""
    monthly: float = 0.0
    """automations: chance a month that a person sets it off"""
    variants: tuple[str, ...] = ("",)


def admits(segment: dict[str, Any] | None, person: SandboxPerson, tags: Iterable[str]) -> bool:
    """Say whether a Mailchimp segment (`segment_opts`) holds for a member with these tags. No segment admits everyone."""
    if segment is None:
        return True
    owned = {tag_id(tag) for tag in tags}
    held = []
    for condition in segment["conditions"]:
        if condition["condition_type"] == "StaticSegment":
            held.append((condition["value"] in owned) == (condition["op"] == "static_is"))
        else:
            held.append((person.merge_fields.get(condition["field"], "") == condition["value"]) == (condition["op"] == "is"))
    return all(held) if segment["match"] == "all" else any(held)


def _segment(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"match": "all", "conditions": list(conditions)}


def _tagged(tag: str) -> dict[str, Any]:
    return {"condition_type": "StaticSegment", "field": "static_segment", "op": "static_is", "value": tag_id(tag)}


def _mailchimp_html(text: str, links: tuple[str, ...]) -> str:
    anchors = "".join(f'<p><a href="{link}">{link.rsplit("/", 1)[1].title()}</a></p>' for link in links)
    footer = '<p>*|LIST:COMPANY|* <a href="*|UNSUB|*">Unsubscribe</a> *|CURRENT_YEAR|*</p>'
    return f"<html><body><h1>Nordlicht</h1><p>{text}</p>{anchors}{footer}</body></html>"


def _hubspot_html(text: str, links: tuple[str, ...]) -> str:
    anchors = "".join(f'<p><a href="{link}">{link.rsplit("/", 1)[1].title()}</a></p>' for link in links)
    footer = '<p>{{ site_settings.company_name }} <a href="{{ unsubscribe_link }}">Unsubscribe</a></p>'
    return f"<html><body><h1>Nordlicht</h1><p>{text}</p>{anchors}{footer}</body></html>"


def make_plans(*, start: int, begins: int, now: int) -> list[Plan]:
    """Return all campaigns, drafts included. `begins` is the first day of the experiment; its campaigns come after it."""
    return _mailchimp_plans(start, begins, now) + _hubspot_plans(start, begins)


def _mailchimp_plans(start: int, begins: int, now: int) -> list[Plan]:
    plans: list[Plan] = []

    def add(
        title: str,
        subject: str,
        text: str | None,
        at: int | None,
        level: int | None,
        *links: str,
        kind: str = "regular",
        segment: dict[str, Any] | None = None,
        pull: float = 0.0,
        trial: bool = False,
        monthly: float = 0.0,
        variants: tuple[str, ...] = ("",),
    ) -> None:
        html = "" if text is None else _mailchimp_html(text, links)
        identity = f"{0x3A7F10C25E + 0x1D3B57 * len(plans):010x}"
        created = (at if at is not None else now - 5 * DAY) - 2 * DAY
        message = Message("mailchimp", identity, title, subject, html, kind, created, at, level, segment=segment)
        plans.append(Plan(message, links, pull, trial, monthly, variants))

    treated = _tagged(TREATED)
    add(
        "Autumn letter",
        "Evenings are getting longer",
        "New lanterns are in.",
        start + 20 * DAY + 8 * HOUR,
        0,
        _LANTERNS,
        pull=0.004,
    )
    add("November offer", "*|FNAME|*, ten percent off", "Dear *|FNAME|*, this week only.", start + 54 * DAY + 6 * HOUR, 1, _SALE,
        _BLANKETS, pull=0.006)  # fmt: skip
    add("Gift ideas", "Gifts that warm", "Three ideas for *|FNAME|*.", start + 68 * DAY + 7 * HOUR, 1, _GIFTS, _BLANKETS,
        kind="variate", pull=0.005, variants=("a", "b"))  # fmt: skip
    add("Basket reminder", "Still thinking it over?", "Your basket is waiting, *|FNAME|*.", start + 31 * DAY, 3,
        _BASKET, kind="automation-email", pull=0.05, monthly=0.02)  # fmt: skip
    add(
        "January letter",
        "A quiet month",
        "What we read and mend in winter.",
        start + 112 * DAY + 8 * HOUR,
        0,
        _BLANKETS,
        pull=0.003,
    )
    add("Spring, for gardeners", "Time to plant", "Seeds and tools for your garden.", start + 165 * DAY + 7 * HOUR, 2, _GARDEN,
        segment=_segment(_tagged("interest:garden"), _NOT_FRANCE, _NOT_60), pull=0.008)  # fmt: skip
    add("Summer letter", "Long evenings outside, *|FNAME|*", "Dear *|FNAME|*, lanterns for the garden.", start + 235 * DAY + 8 * HOUR,
        1, _LANTERNS, _GARDEN, pull=0.004)  # fmt: skip
    add("Picture card", "A card from us", None, start + 270 * DAY + 8 * HOUR, None, _SALE, pull=0.003)
    add("For your place", "Chosen for where you live", "*|IF:COUNTRY=DE|* Free delivery this week. *|ELSE:|* Half the delivery cost."
        " *|END:IF|*", begins + DAY + 7 * HOUR, 2, _BLANKETS, _SALE,
        segment=_segment(treated, _NOT_FRANCE, _NOT_60), pull=0.0125, trial=True)  # fmt: skip
    add("Picked for you", "*|FNAME|*, picked for you", "*|PRODUCT_RECOMMENDATION:[$total=3]|*", begins + 13 * DAY + 7 * HOUR, 4,
        _LANTERNS, _GIFTS, segment=_segment(treated, _NOT_FRANCE, _NOT_60), pull=0.0125, trial=True)  # fmt: skip
    add("September letter", "Back indoors", "News of the workshop.", begins + 23 * DAY + 8 * HOUR, 0, _BLANKETS)
    add("For garden friends", "Bulbs for next spring", "*|FNAME|*, plant now.", begins + 30 * DAY + 7 * HOUR, 2, _GARDEN,
        segment=_segment(treated, _tagged("interest:garden"), _NOT_FRANCE), pull=0.0125, trial=True)  # fmt: skip
    add("Your autumn evening", "*|FNAME|*, your evening", "*|PRODUCT_RECOMMENDATION:[$total=4]|*", begins + 41 * DAY + 7 * HOUR, 4,
        _LANTERNS, _BLANKETS, segment=_segment(treated, _NOT_FRANCE, _NOT_60), pull=0.0125, trial=True)  # fmt: skip
    add("Winter letter", "Soon, *|FNAME|*", "Dear *|FNAME|*, a first look.", None, 1, _BLANKETS)
    return plans


def _hubspot_plans(start: int, begins: int) -> list[Plan]:
    plans: list[Plan] = []

    def add(
        title: str,
        subject: str,
        text: str,
        at: int,
        level: int,
        *links: str,
        kind: str = "BATCH_EMAIL",
        pull: float = 0.0,
        monthly: float = 0.0,
        guid: str | None = None,
        workflow: str | None = None,
    ) -> None:
        index = len(plans)
        message = Message(
            "hubspot", str(188_000_000_100 + 7_919 * index), title, subject, _hubspot_html(text, links), kind, at - 3 * DAY, at, level,
            email_campaign_ids=(str(310_000_400 + 613 * index),), campaign_guid=guid, workflow=workflow,
        )  # fmt: skip
        plans.append(Plan(message, links, pull, False, monthly))

    first, second = CAMPAIGN_GUIDS
    add(
        "Partner news",
        "News for our partners",
        "What is new in the warehouse.",
        start + 42 * DAY + 9 * HOUR,
        0,
        _LANTERNS,
        pull=0.004,
    )
    add("Welcome", "Welcome, {{ contact.firstname }}", "Good to have you here, {{ contact.firstname }}.", start + 10 * DAY, 3, _GIFTS,
        kind="AUTOMATED_EMAIL", pull=0.02, workflow="New contacts")  # fmt: skip
    add("Trade offer", "{{ contact.firstname }}, terms for trade", "Dear {{ contact.firstname }}, our terms.",
        start + 133 * DAY + 9 * HOUR, 1, _SALE, pull=0.005, guid=first)  # fmt: skip
    add("Spring range", "The spring range", "{% if contact.country == 'Germany' %}Free delivery.{% else %}Half the cost.{% endif %}",
        start + 224 * DAY + 9 * HOUR, 2, _GARDEN, _SALE, pull=0.006, guid=first)  # fmt: skip
    add("Your reorder list", "Your list", "{% for item in contact.reorder_list %}<p>{{ item.name }}</p>{% endfor %}",
        start + 281 * DAY + 9 * HOUR, 4, _GIFTS, _LANTERNS, pull=0.008, guid=second)  # fmt: skip
    add("Autumn notes", "Notes for autumn", "What we are working on.", begins + 20 * DAY + 9 * HOUR, 0, _BLANKETS, guid=second)
    return plans
