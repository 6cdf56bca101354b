"""Who lives in the demo world: what the platforms know of each person, and the habits that nobody sees."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from persync.sandbox.world import SandboxPerson

__all__ = ["AGE_BANDS", "DAY", "HOUR", "Habits", "make_people"]

HOUR = 3_600_000
DAY = 24 * HOUR

AGE_BANDS = ("18-29", "30-44", "45-59", "60+")
_AGE_SHARES = (22, 32, 26, 20)
_COUNTRIES = ("DE", "AT", "NL", "FR", "CH")
_COUNTRY_SHARES = (52, 15, 12, 13, 8)
_LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "DE": ("de",),
    "AT": ("de",),
    "NL": ("nl",),
    "FR": ("fr",),
    "CH": ("de", "de", "fr"),
}

_GIVEN = (
    "Anna Ben Clara David Emma Felix Greta Hanna Ida Jan Karl Lena Max Nora Otto Paula Rosa Simon Thea Uwe Vera "
    "Willem Yara Zoe Alice Bruno Camille Daan Elise Fleur Hugo Ines Jules Lotte Marie Niels Olga Piet Romy Sofie"
)
_LAST = (
    "Arendt Bakker Conrad Dekker Engel Fischer Graf Huber Imhof Jansen Keller Lang Meyer Noll Ott Peeters Quint "
    "Richter Sommer Thoma Ulrich Visser Wagner Yilmaz Ziegler Bernard Caron Dumont Favre Garnier"
)


_LOYAL = 1.2
"""orders a year of a loyal customer"""
_DETOUR, _LOYAL_DETOUR = 0.6, 0.3
"""Chance that somebody on the way to an order goes through a message first, and what being loyal adds.

Who would buy anyway clicks what lies nearest: ads on a brand's own name bring no sales, and most of the money for ads goes on
frequent users whom they do not move (T. Blake, C. Nosko, S. Tadelis, "Consumer Heterogeneity and Paid Search Effectiveness",
Econometrica 2015). No study gives the share for e-mail, so it is chosen: with it rules credit e-mail with about as many times
what it caused as all revenue after the mailings of the MineThatData test was of theirs, 1.85 and 2.54."""


@dataclass(slots=True)
class Habits:
    """What is true of a person and known to no platform."""

    age_band: str
    rate: float
    """orders a year that need no message"""
    reads: float
    """chance that they open a message themselves"""
    clicks: float
    """chance that they click in a message they opened"""
    detour: float
    """chance that they go through a message in their inbox on the way to an order that they would place anyway"""
    scanned: bool
    """a scanner at their employer's clicks every link on arrival"""


def make_people(rng: Random, count: int, *, start: int, now: int) -> tuple[dict[int, SandboxPerson], dict[int, Habits]]:
    """Draw `count` people, numbered from 1, and their habits.

    Of them 61 % are members of the Mailchimp list alone, 16 % members and HubSpot contacts, 19 % HubSpot contacts alone;
    the rest are known to the shop alone. Shop accounts, consent and tags come later, from what people do.
    """
    people: dict[int, SandboxPerson] = {}
    habits: dict[int, Habits] = {}
    for number in range(1, count + 1):
        person = _draw_person(rng, number, start=start, now=now)
        people[number] = person
        rate = rng.gammavariate(4.0, 0.145)
        habits[number] = Habits(
            age_band=rng.choices(AGE_BANDS, _AGE_SHARES)[0],
            rate=rate,
            reads=rng.betavariate(3.0, 6.0),
            clicks=rng.betavariate(2.0, 10.0),
            detour=_DETOUR + _LOYAL_DETOUR * min(rate / _LOYAL, 1.0),
            scanned=rng.random() < 0.04,
        )
        known = rng.random() >= 0.2
        person.age_band = habits[number].age_band if known else ""
        if person.mailchimp_id is not None:
            country = person.country if rng.random() >= 0.1 else ""
            person.merge_fields = {"COUNTRY": country, "AGEBAND": person.age_band}
    return people, habits


def _draw_person(rng: Random, number: int, *, start: int, now: int) -> SandboxPerson:
    given, last = rng.choice(_GIVEN.split()), rng.choice(_LAST.split())
    country = rng.choices(_COUNTRIES, _COUNTRY_SHARES)[0]
    if rng.random() < 0.7:
        created = start - rng.randrange(30 * DAY, 700 * DAY)
    else:
        created = start + int(rng.random() * (now - start - 2 * DAY))
    created -= created % 1000
    email = f"{given.lower()}.{number}@example.com"
    person = SandboxPerson(
        number=number,
        email=email,
        first_name=given,
        last_name=last,
        country=country,
        language=rng.choice(_LANGUAGES[country]),
        age_band="",
        created_at=created,
        updated_at=created,
        confirmed_opt_in=rng.random() < 0.8,
        reads_by_proxy=rng.random() < 0.35,
    )
    where = rng.random()
    if where < 0.775:
        person.mailchimp_id = hashlib.md5(f"contact:{number}".encode(), usedforsecurity=False).hexdigest()
        if rng.random() < 0.4:
            person.tags = ("interest:garden",)
        kind = rng.random()
        if kind < 0.01:
            person.status, person.confirmed_opt_in = "pending", False
        elif kind < 0.03:
            person.status = "archived"
    if 0.6125 <= where < 0.9625:
        person.hubspot_id = str(30_000_000_000 + number * 37)
        if rng.random() < 0.01:
            person.hubspot_merged_ids = (str(20_000_000_000 + number * 41),)
        person.stage_dates = {"subscriber": created}
    return person
