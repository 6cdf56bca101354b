"""What the demo's shop keeps beside its three platforms, as files it imports, and a few customers in Canada.

Only `persync demo` adds them: what `make_world` draws stays as it was drawn. Whom a file is about follows from what was really
sent, by rules that `World.truth["papers"]` states with their numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from random import Random
from typing import Any, Final

from persync.sandbox.messages import CONTROL, TREATED
from persync.sandbox.people import DAY, HOUR
from persync.sandbox.world import Click, Message, Open, SandboxPerson, Send, World

__all__ = ["add_papers"]

LATE: Final = (("Summer letter", 6), ("September letter", 7))
"""messages, and how many of those they went to had said no on the shop's own page a fortnight before"""
STEERED, IGNORED = 34, 6
"""people who wanted letters without personalisation: got none after it, and got some all the same"""
LETTER: Final = "What you looked at"
"""the personalised letter that those who are ignored got after they had said no"""
ASKED: Final = 240
"""people who were asked whether they trust the shop; half answer"""
TICKET_EVERY, TICKET_AT = 8, 1
"""HubSpot's sandbox gives a request for help to people with such numbers, thirty days after they came"""
CANADA: Final = ((180, ("Spring range", "Your reorder list", "Autumn notes")), (75, ("Trade offer", "Autumn notes")), (290, ()))
"""groups of contacts in Canada: the day of the year they came on, and the letters they got; the last got Autumn notes too"""
CANADIANS: Final = 8
"""in each group: together too few for a group of their own to be judged"""
PRICES: Final = {"complaint": 25.0, "unsubscribe": 4.0, "violation": 2.0, "undefended": 1.0}
"""what this shop says that harm costs it"""
GOAL: Final = {
    "text": "More people who order after a letter, and no more who leave",
    "primary": "conversion_rate",
    "guard_rails": ["unsubscribe_rate"],
    "days": 90,
}
"""what the shop wanted before it looked; the personal letters are its start"""
_BASIS: Final = "stated in the request for help, used to know which law a letter falls under"


def add_papers(world: World) -> World:
    """Add the shop's own files, prices, goal and Canadian contacts to a demo world, and return it. Its seed gives the same."""
    rng = Random(f"papers {world.seed}")
    start = world.now - 365 * DAY
    canadians = _canadians(rng, world, start)
    consents, said = _consents(rng, world)
    surveys, trust = _surveys(rng, world)
    world.files |= {
        "consents.csv": _csv("person,channel,state,at", consents),
        "surveys.csv": _csv("answer,at,kind,value,person,survey", surveys),
        "audit.csv": _csv("item,answer,at", _audit(world.now)),
        "countries.csv": _csv("person,name,value,basis", ((_key(one), "country", "CA", _BASIS) for one in canadians)),
        "hours.csv": _csv("task,from,to,hours_before,hours_after,hourly_rate,currency,output", _hours(start)),
        "ads.csv": _csv("date,channel,amount,currency,purpose", _ads(start)),
    }
    kinds = {"countries.csv": "attributes", "hours.csv": "time"}
    world.file_kinds |= {name: kinds.get(name, name.removesuffix(".csv")) for name in world.files}
    world.prices = {**world.prices, **PRICES}
    began = date.fromisoformat(world.experiments["personal"]["from"])
    world.settings = {"goal": {**GOAL, "start": began}, "value": {"started": began}}
    people = world.truth["people"]
    people |= {"all": people["all"] + len(canadians), "hubspot": people["hubspot"] + len(canadians)}
    world.truth["papers"] = {**said, "trust": trust, "canada": {"contacts": len(canadians), "expired": CANADIANS}}
    return world


def _csv(header: str, lines: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header.split(","), *lines])
    return text.getvalue()


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()


def _key(person: SandboxPerson) -> str:
    """Return a person as the files name them: by a platform's own id, so that no file holds an address."""
    return f"mailchimp:{person.mailchimp_id}" if person.mailchimp_id is not None else f"hubspot:{person.hubspot_id}"


def _letter(world: World, title: str) -> Message:
    (found,) = (message for message in world.messages if message.title == title)
    return found


# -- customers in Canada -------------------------------------------------------------------------------------------------


def _canadians(rng: Random, world: World, start: int) -> list[SandboxPerson]:
    """Add HubSpot contacts who never agreed to letters and once asked for help: in Canada that is a reason to write to them for
    six months. The first group's time is about to run out, the second got a letter after it had, the third has time."""
    number = max(world.people)
    found = []
    for day, letters in CANADA:
        for _ in range(CANADIANS):
            number += (TICKET_AT - number - 1) % TICKET_EVERY + 1
            created = start + day * DAY + rng.randrange(5 * DAY) // 1000 * 1000
            person = _canadian(rng, number, created)
            world.people[number] = person
            found.append(person)
            for title in letters or ("Autumn notes",):
                _post(rng, _letter(world, title), person, world.now)
    return found


def _canadian(rng: Random, number: int, created: int) -> SandboxPerson:
    given = rng.choice(("Alice", "Bruno", "Camille", "Elise", "Hugo", "Ines", "Jules", "Nora"))
    return SandboxPerson(
        number=number,
        email=f"{given.lower()}.{number}@example.com",
        first_name=given,
        last_name="Bernard",
        country="CA",
        language=rng.choice(("en", "fr")),
        age_band="",
        created_at=created,
        updated_at=created,
        hubspot_id=str(30_000_000_000 + number * 37),
        status="pending",
        stage_dates={"subscriber": created},
    )


def _post(rng: Random, letter: Message, person: SandboxPerson, now: int) -> None:
    assert letter.sent_at is not None
    send = Send(person.number, letter.sent_at + rng.randrange(6 * 60) * 1000)
    read = send.at + rng.randrange(HOUR, 40 * HOUR) // 1000 * 1000
    if read < now and rng.random() < 0.5:
        send.opens.append(Open(read, False))
        if rng.random() < 0.2:
            send.clicks.append(Click(read + 20_000, "https://nordlicht.example.com/collections/blankets"))
    letter.sends.append(send)


# -- what people said ----------------------------------------------------------------------------------------------------


def _consents(rng: Random, world: World) -> tuple[list[tuple[str, str, str, str]], dict[str, Any]]:
    """Return who said no on the shop's own page and when, and what that makes true."""
    lines, late = [], 0
    gone: set[int] = set()
    for title, count in LATE:
        for send in _drawn(rng, world, _letter(world, title), CONTROL, gone):
            said = send.at - rng.randrange(5 * DAY, 14 * DAY)
            after = [
                letter.title for letter in world.messages for one in letter.sends if one.person == send.person and one.at > said
            ]
            if count and set(after) <= dict(LATE).keys():
                count, late = count - 1, late + len(after)
                gone.add(send.person)
                lines.append((_key(world.people[send.person]), "email", "unsubscribed", _time(said)))
    steered = _drawn(rng, world, _letter(world, "September letter"), CONTROL, gone)[:STEERED]
    ignored = _drawn(rng, world, _letter(world, LETTER), TREATED, gone)[:IGNORED]
    for send in (*steered, *ignored):
        said = send.at - rng.randrange(2 * DAY, 9 * DAY)
        lines.append((_key(world.people[send.person]), "personalisation", "unsubscribed", _time(said)))
    opted = {"people": len(steered) + len(ignored), "honoured": len(steered)}
    return sorted(lines), {"late_sends": late, "opted_out": opted}


def _drawn(rng: Random, world: World, letter: Message, arm: str, gone: set[int]) -> list[Send]:
    """Return what an arm's people got of a letter, in an order drawn by lot: those still on the list, whom HubSpot never writes
    to beside it."""
    fit = [
        send
        for send in letter.sends
        if send.status == "sent"
        and send.person not in gone
        and arm in world.people[send.person].tags
        and world.people[send.person].status == "subscribed"
        and world.people[send.person].hubspot_id is None
    ]
    return rng.sample(fit, len(fit))


def _surveys(rng: Random, world: World) -> tuple[list[tuple[str, str, str, int, str, str]], dict[str, float]]:
    """Return the answers to two small surveys, one question each, on a scale of 1 to 5; whoever is 60 or older trusts less."""
    asked = [one for one in world.people.values() if one.status == "subscribed" and one.mailchimp_id is not None]
    asked = rng.sample(asked, min(ASKED, len(asked)))
    lines: list[tuple[str, str, str, int, str, str]] = []
    told: list[int] = []
    for kind, survey, at in (("trust", "My data are safe here", 40), ("comfort", "Letters made for me", 20)):
        for person in asked:
            if rng.random() < 0.5:
                answer = min(max(round(rng.gauss(2.9 if person.age_band == "60+" else 3.8, 0.9)), 1), 5)
                when = _time(world.now - at * DAY + rng.randrange(6 * DAY) // 1000 * 1000)
                lines.append((f"{kind}-{len(lines) + 1}", when, kind, answer, _key(person), survey))
                told += [answer] if kind == "trust" else []
    return lines, {"answers": len(told), "of_100": round(sum(25 * (answer - 1) for answer in told) / len(told), 2)}


# -- what the shop writes down -------------------------------------------------------------------------------------------


def _audit(now: int) -> list[tuple[str, str, str]]:
    told = {
        "notice": "yes",
        "why": "no",
        "data_listed": "no",
        "plain_language": "yes",
        "control": "yes",
        "staff_trained": "yes",
    }
    return [(item, answer, _time(now - 60 * DAY)) for item, answer in told.items()]


def _hours(start: int) -> list[tuple[str, ...]]:
    """Return the hours that letters took by month, before their parts were filled in by rule and since."""
    months = [(start + month * 30 * DAY, start + (month + 1) * 30 * DAY) for month in range(12)]
    return [("letters", _time(begin), _time(end), "14", "9.5", "34.00", "EUR", "2") for begin, end in months]


def _ads(start: int) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for month in range(12):
        day = _time(start + month * 30 * DAY + DAY)[:10]
        found += [(day, "paid_search", "210.00", "EUR", "acquisition"), (day, "paid_social", "140.00", "EUR", "acquisition")]
    return found
