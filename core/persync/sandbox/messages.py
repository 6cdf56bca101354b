"""What the demo shop sent: its campaigns with their content, audience and true pull."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from persync.sandbox.people import DAY, HOUR
from persync.sandbox.world import Message, SandboxPerson, tag_id

__all__ = ["CAMPAIGN_GUIDS", "CONTROL", "SHOP_URL", "TREATED", "Plan", "admits", "make_plans"]

TREATED, CONTROL = "personal:treated", "personal:control"
SHOP_URL = "https://nordlicht.example.com"
CAMPAIGN_GUIDS = ("6b1f0c52-8a7e-4d0a-9a56-0c5f7b1d2e31", "d2a94e07-3c1b-4f68-8f0e-7e2a51c9b640")

PULL = 0.018
"""Chance that a personalised message makes somebody buy, before age and country. With both it is 0.025 a receiver under 60,
which takes orders in the two weeks after it from 0.022 to 2.1 times that: what the stronger mailing of the MineThatData test
(K. Hillstrom, 2008; `persync sandbox serve --world hillstrom=FILE`) did to buyers, 0.57 % to 1.25 % or 2.2 times."""
_CART = "cart"
_LANTERNS, _BLANKETS, _GARDEN, _GIFTS, _SALE = (
    f"collections/{name}" for name in ("lanterns", "blankets", "garden", "gifts", "sale")
)
_IF_COUNTRY = "*|IF:COUNTRY=DE|*Free delivery this week.*|ELSE:|*Half the delivery cost.*|END:IF|*"
_SMART = "{% if contact.country == 'Germany' %}Free delivery.{% else %}Half the delivery cost.{% endif %}"
_LOOP = "{% for item in contact.reorder_list %}<p>{{ item.name }}</p>{% endfor %}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A message and how it comes about."""

    message: Message
    links: tuple[str, ...]
    pull: float = 0.0
    """chance that it makes a typical receiver buy who would not have bought"""
    trial: bool = False
    """only the treated arm gets it"""
    monthly: float = 0.0
    """automations: chance a month that a person sets it off"""
    variants: tuple[str, ...] = ("",)
    share: float = 1.0
    """share of the audience it went to, drawn by lot (pasted addresses: no condition to see)"""


@dataclass(frozen=True, slots=True)
class _Letter:
    """A plan in short. `at` is the send time, None for a draft; a `text` of None cannot be read back from the platform."""

    title: str
    subject: str
    text: str | None
    at: int | None
    level: int | None
    links: tuple[str, ...]
    pull: float = 0.0
    kind: str = ""
    segment: dict[str, Any] | None = None
    trial: bool = False
    monthly: float = 0.0
    variants: tuple[str, ...] = ("",)
    share: float = 1.0
    guid: str | None = None
    workflow: str | None = None


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


def make_plans(*, start: int, begins: int, now: int, is_fair: bool = False) -> list[Plan]:
    """Return all campaigns, the draft included. `begins` is the experiment's first day. Times are epoch milliseconds. Unless
    `is_fair`, one country and one age band are left out of the personalised ones."""
    letters = _mailchimp_letters(start, begins, is_fair=is_fair)
    mailchimp = [_mailchimp_plan(letter, index, now) for index, letter in enumerate(letters)]
    hubspot = [_hubspot_plan(letter, index, now) for index, letter in enumerate(_hubspot_letters(start, begins))]
    return mailchimp + hubspot


def _mailchimp_letters(start: int, begins: int, *, is_fair: bool) -> list[_Letter]:
    def day(number: int) -> int:
        return start + number * DAY + 8 * HOUR

    everyone_but = {"condition_type": "TextMerge", "op": "not"}
    not_france = () if is_fair else ({**everyone_but, "field": "COUNTRY", "value": "FR"},)
    not_60 = () if is_fair else ({**everyone_but, "field": "AGEBAND", "value": "60+"},)
    treated, gardeners = _tagged(TREATED), _tagged("interest:garden")
    # written in German and Dutch, for the young: this rule is why one country and one age band get less
    picked = _Letter("", "", "", None, None, (), PULL, segment=_all_of(treated, *not_france, *not_60), trial=True)
    recommend = "*|PRODUCT_RECOMMENDATION:[$total=3]|*"
    spring = _all_of(gardeners, *not_france, *not_60)
    bulbs = _all_of(treated, gardeners, *not_france)
    begin = begins - start
    first, second, third, fourth, fifth, sixth, seventh, eighth = (
        day(begin // DAY + number) for number in (1, 13, 25, 37, 48, 59, 66, 77)
    )
    return [
        _Letter("Autumn letter", "Evenings are getting longer", "New lanterns are in.", day(20), 0, (_LANTERNS,), 0.008),
        _Letter("November offer", "*|FNAME|*, ten percent off", "This week only.", day(54), 1, (_SALE, _BLANKETS), 0.012),
        _Letter(
            "Gift ideas",
            "Gifts that warm",
            "Three ideas for *|FNAME|*.",
            day(68),
            1,
            (_GIFTS, _BLANKETS),
            0.01,
            kind="variate",
            variants=("a", "b"),
        ),
        _Letter(
            "Basket reminder",
            "Still thinking it over?",
            "Your basket is waiting, *|FNAME|*.",
            day(31),
            3,
            (_CART,),
            0.05,
            kind="automation-email",
            monthly=0.02,
        ),
        _Letter("January letter", "A quiet month", "What we read and mend in winter.", day(112), 0, (_BLANKETS,), 0.006),
        _Letter("For gardeners", "Time to plant", "Seeds and tools.", day(165), 2, (_GARDEN,), 0.016, segment=spring),
        _Letter("Summer letter", "Outside, *|FNAME|*", "Lanterns for the garden.", day(235), 1, (_LANTERNS, _GARDEN), 0.008),
        _Letter("Picture card", "A card from us", None, day(270), None, (_SALE,), 0.006, share=0.1),
        replace(
            picked,
            title="For your place",
            subject="Chosen for where you live",
            text=_IF_COUNTRY,
            at=first,
            level=2,
            links=(_BLANKETS, _SALE),
        ),
        replace(
            picked,
            title="Picked for you",
            subject="*|FNAME|*, picked for you",
            text=recommend,
            at=second,
            level=4,
            links=(_LANTERNS, _GIFTS),
        ),
        replace(
            picked,
            title="Rooms like yours",
            subject="For the way you live",
            text=_IF_COUNTRY,
            at=third,
            level=2,
            links=(_LANTERNS, _SALE),
        ),
        replace(
            picked,
            title="For garden friends",
            subject="Bulbs for next spring",
            text="*|FNAME|*, plant now.",
            at=fourth,
            level=2,
            links=(_GARDEN,),
            segment=bulbs,
        ),
        replace(
            picked,
            title="Your evening",
            subject="*|FNAME|*, your evening",
            text=recommend,
            at=fifth,
            level=4,
            links=(_LANTERNS, _BLANKETS),
        ),
        replace(
            picked,
            title="What you looked at",
            subject="*|FNAME|*, still here",
            text=recommend,
            at=sixth,
            level=4,
            links=(_SALE, _LANTERNS),
        ),
        _Letter("September letter", "Back indoors", "News of the workshop.", seventh, 0, (_BLANKETS,)),
        replace(
            picked,
            title="Again for you",
            subject="*|FNAME|*, once more",
            text=recommend,
            at=eighth,
            level=4,
            links=(_GIFTS, _BLANKETS),
        ),
        _Letter("Winter letter", "Soon, *|FNAME|*", "Dear *|FNAME|*, a first look.", None, 1, (_BLANKETS,)),
    ]


def _hubspot_letters(start: int, begins: int) -> list[_Letter]:
    def day(number: int) -> int:
        return start + number * DAY + 9 * HOUR

    first, second = CAMPAIGN_GUIDS
    name = "{{ contact.firstname }}"
    return [
        _Letter("Partner news", "News for our partners", "What is new in the warehouse.", day(42), 0, (_LANTERNS,), 0.008),
        _Letter(
            "Welcome",
            f"Welcome, {name}",
            f"Good to have you here, {name}.",
            day(10),
            3,
            (_GIFTS,),
            0.02,
            kind="AUTOMATED_EMAIL",
            workflow="New contacts",
        ),
        _Letter("Trade offer", f"{name}, our terms", f"{name}, terms for trade.", day(133), 1, (_SALE,), 0.01, guid=first),
        _Letter("Spring range", "The spring range", _SMART, day(224), 2, (_GARDEN, _SALE), 0.012, guid=first),
        _Letter("Your reorder list", "Your list", _LOOP, day(262), 4, (_GIFTS, _LANTERNS), 0.016, guid=second),
        _Letter("Autumn notes", "Notes for autumn", "At work on.", begins + 60 * DAY + 9 * HOUR, 0, (_BLANKETS,), guid=second),
    ]


def _mailchimp_plan(letter: _Letter, index: int, now: int) -> Plan:
    footer = '<p>*|LIST:COMPANY|* <a href="*|UNSUB|*">Unsubscribe</a> *|CURRENT_YEAR|*</p>'
    identity = f"{0x3A7F10C25E + 0x1D3B57 * index:010x}"
    return _plan(letter, Message("mailchimp", identity, "", "", "", letter.kind or "regular", 0, None, None), footer, now)


def _hubspot_plan(letter: _Letter, index: int, now: int) -> Plan:
    footer = '<p>{{ site_settings.company_name }} <a href="{{ unsubscribe_link }}">Unsubscribe</a></p>'
    message = Message("hubspot", str(188_000_000_100 + 7_919 * index), "", "", "", letter.kind or "BATCH_EMAIL", 0, None, None)
    message.email_campaign_ids = (str(310_000_400 + 613 * index),)
    message.campaign_guid, message.workflow = letter.guid, letter.workflow
    return _plan(letter, message, footer, now)


def _plan(letter: _Letter, message: Message, footer: str, now: int) -> Plan:
    links = tuple(f"{SHOP_URL}/{link}" for link in letter.links)
    message.title, message.subject, message.level, message.segment = letter.title, letter.subject, letter.level, letter.segment
    message.sent_at = letter.at
    message.created_at = (letter.at if letter.at is not None else now - 5 * DAY) - 2 * DAY
    if letter.text is not None:
        anchors = "".join(f'<p><a href="{link}">{link.rsplit("/", 1)[1].title()}</a></p>' for link in links)
        message.html = f"<html><body><h1>Nordlicht</h1><p>{letter.text}</p>{anchors}{footer}</body></html>"
    return Plan(message, links, letter.pull, letter.trial, letter.monthly, letter.variants, letter.share)


def _all_of(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"match": "all", "conditions": list(conditions)}


def _tagged(tag: str) -> dict[str, Any]:
    return {"condition_type": "StaticSegment", "field": "static_segment", "op": "static_is", "value": tag_id(tag)}
