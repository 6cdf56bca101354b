"""E-mail events: their rows, and a reader that lives with offsets that die."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from persync.connect.page import Shaped
from persync.connect.stream import AccountFacts, Context, Step, Work
from persync.errors import ResponseError, TransientError
from persync.rows import Action, CampaignRef, Person, Touchpoint
from persync.sandbox.world import Send
from persync_hubspot import streams_mail
from persync_hubspot.events import DAY_MS, FIRST_MAIL, EmailEvent, EventSlices, V1Events, event_stream

Shape = Callable[..., Shaped]


def work_of(kind: str, *, since: int | None, until: int, reader: EventSlices | None = None) -> Work:
    stream = replace(streams_mail.EMAIL_EVENTS, reader=reader or EventSlices())
    return Work(stream, "hubspot", None, AccountFacts(), kind, {"type": kind}, since, until, since is None)


class Walk:
    """Reads a window as a pull does, from an imitated account: every event's id, and what it took."""

    def __init__(self, account: Any, work: Work, *, patience: int = 5000) -> None:
        self.ids: list[str] = []
        self.times: list[int] = []
        self.recovered = 0
        self.asked: list[dict[str, str]] = []
        connector = account.connector()
        reader, token = work.stream.reader, work.stream.reader.start(work)
        with account.client(connector) as client:
            while token is not None:
                assert len(self.asked) < patience, "the reader goes in circles"
                request = reader.request(work, token)
                self.asked.append(dict(request.params))
                try:
                    answer = client.send(request)
                except TransientError as error:
                    token = reader.shrink(work, token) if error.shrink else None
                    if token is None:
                        raise
                    self.recovered += 1
                    continue
                step = reader.read(work, token, answer.body, answer.headers)
                for event in orjson.loads(step.body)["events"]:
                    self.ids.append(event["id"])
                    self.times.append(event["created"])
                token = step.next


def many_sends(build: Any, count: int, *, spread: int) -> list[Any]:
    start = build.now - 40 * build.day
    return [build.mail(1, [Send(1 + number % 5, start + number * spread) for number in range(count)])]


def test_events_become_touchpoints(shaped: Shape, page: Any) -> None:
    """Obsolete events and subscriptions are no touches; machines are flagged; links lose user, query and fragment."""
    found = shaped(streams_mail.EMAIL_EVENTS, page("events_page"), "events")

    mail = CampaignRef(("email_campaign", "7701"))
    ann, bo, cy, di = (Person(("email", f"{name}@example.com")) for name in ("ann", "bo", "cy", "di"))
    assert found.rejects == []
    assert found.rows == [
        Touchpoint(mail, ann, Action.CLICK, 1_777_888_800_000, "https://s.example.com:8443/sale", ordinal=3, is_machine=True),
        Touchpoint(mail, ann, Action.OPEN, 1_777_888_700_000, is_machine=False),
        Touchpoint(mail, bo, Action.OPEN, 1_777_888_600_000, is_machine=None),
        Touchpoint(mail, bo, Action.UNSUBSCRIBE, 1_777_888_500_000),
        Touchpoint(mail, cy, Action.DROP, 1_777_888_200_000, source="X"),
        Touchpoint(mail, di, Action.BOUNCE, 1_777_888_100_000, source="UNKNOWN_USER"),
        Touchpoint(mail, di, Action.COMPLAINT, 1_777_888_000_000),
        Touchpoint(mail, ann, Action.DELIVER, 1_777_887_000_000),
        Touchpoint(None, ann, Action.SEND, 1_777_886_000_000),
    ]


def test_an_event_without_a_time_is_a_reject_that_shows_no_address(shaped: Shape) -> None:
    body = {"events": [{"id": "a1", "created": "soon", "type": "OPEN", "recipient": "ann@example.com"}]}
    (reject,) = shaped(streams_mail.EMAIL_EVENTS, orjson.dumps(body), "events").rejects

    assert (reject.record, reject.field) == ("a1", "created")
    assert orjson.loads(reject.shape) == {"id": "a1", "created": "str(4)", "type": "OPEN", "recipient": "str(15)"}


def test_a_link_that_is_no_url_is_left_out(shaped: Shape) -> None:
    event = {"id": "a1", "created": 1, "type": "CLICK", "recipient": "ann@example.com"}
    body = {"events": [{**event, "url": url} for url in ("http://[broken", "mailto:x", "", None)]}
    found = shaped(streams_mail.EMAIL_EVENTS, orjson.dumps(body), "events")

    assert [row.link for row in found.rows if isinstance(row, Touchpoint)] == [None] * 4


def test_every_event_of_a_long_history_is_read_once(account_of: Any, build: Any) -> None:
    """The whole history of one type, unbounded: wide slices where nothing is, narrow ones where much is."""
    account = account_of(messages=many_sends(build, 900, spread=1000 * 60))
    walk = Walk(account, work_of("SENT", since=None, until=build.now, reader=EventSlices(limit=100)))

    assert len(walk.ids) == len(set(walk.ids)) == 900
    assert walk.recovered == 0
    assert len(walk.asked) < 25
    assert min(int(asked["startTimestamp"]) for asked in walk.asked) == FIRST_MAIL
    assert all(asked["limit"] == "100" and asked["eventType"] == "SENT" for asked in walk.asked)


def test_a_busy_time_is_cut_into_shorter_slices(account_of: Any, build: Any) -> None:
    """Three months of a mail a minute: the first slice is 32 days, later ones shrink, none is lost."""
    account = account_of(messages=many_sends(build, 2000, spread=28 * 60_000))
    walk = Walk(account, work_of("SENT", since=build.now - 90 * build.day, until=build.now, reader=EventSlices(limit=20)))

    spans = [int(asked["endTimestamp"]) - int(asked["startTimestamp"]) + 1 for asked in walk.asked]
    assert len(walk.ids) == len(set(walk.ids)) == 2000
    assert spans[0] == 32 * build.day
    assert min(spans) < 32 * build.day


def test_a_window_is_read_to_its_edges_and_no_further(account_of: Any, build: Any) -> None:
    """Both ends of a slice are inclusive at the vendor; the window's end is not."""
    at = build.now - 10 * build.day
    account = account_of(
        messages=[build.mail(1, [Send(1, at - 1), Send(2, at), Send(3, at + build.day - 1), Send(4, at + build.day)])]
    )
    walk = Walk(account, work_of("SENT", since=at, until=at + build.day))

    assert sorted(walk.times) == [at, at + build.day - 1]


@pytest.mark.parametrize("alive", [1, 2, 4])
def test_a_dead_offset_costs_one_page_and_loses_nothing(account_of: Any, build: Any, alive: int) -> None:
    """Offsets that die after a page or two: the slice goes on from the oldest event seen."""
    account = account_of(messages=many_sends(build, 700, spread=250), offset_pages=alive)
    walk = Walk(account, work_of("SENT", since=build.now - 60 * build.day, until=build.now, reader=EventSlices(limit=50)))

    assert len(set(walk.ids)) == 700
    assert walk.recovered > 0
    # What is read twice is only what shares the last millisecond seen.
    assert len(walk.ids) <= 700 + walk.recovered


def test_events_of_one_millisecond_survive_a_dead_offset(account_of: Any, build: Any) -> None:
    """A bulk send stamps many events alike: starting again behind the oldest one would lose its equals."""
    at = build.now - 40 * build.day
    sends = [Send(1 + number % 5, at + number // 40) for number in range(400)]
    account = account_of(messages=[build.mail(1, sends)], offset_pages=1)
    walk = Walk(account, work_of("SENT", since=at - build.day, until=build.now, reader=EventSlices(limit=60)))

    assert len(set(walk.ids)) == 400


def test_an_offset_that_never_lives_long_enough_ends_in_an_error_not_in_a_circle() -> None:
    """More events in one millisecond than a page holds, and an offset that is dead on arrival."""
    reader = EventSlices(limit=2)
    work = work_of("SENT", since=0, until=FIRST_MAIL + DAY_MS)
    body = orjson.dumps({"hasMore": True, "offset": "x", "events": [{"created": FIRST_MAIL}, {"created": FIRST_MAIL}]})
    token = reader.start(work)
    tries = 0
    while True:
        after = reader.read(work, token, body, {}).next
        assert after is not None
        again = reader.shrink(work, after)
        if again is None:
            break
        token, tries = again, tries + 1
        assert tries < 20

    assert tries == 6


def test_a_pull_that_comes_back_days_later_goes_on_behind_its_dead_offset(account_of: Any, build: Any) -> None:
    account = account_of(messages=many_sends(build, 300, spread=1000))
    work = work_of("SENT", since=build.now - 60 * build.day, until=build.now, reader=EventSlices(limit=100))
    reader = work.stream.reader
    with account.client(account.connector()) as client:
        token: Any = reader.start(work)
        while token is not None and "offset" not in token:
            answer = client.send(reader.request(work, token))
            token = reader.read(work, token, answer.body, answer.headers).next
        assert token is not None
        token["offset"] = "c3RhbGU="
        with pytest.raises(TransientError) as refused:
            client.send(reader.request(work, token))

    again = reader.shrink(work, token)

    assert refused.value.shrink
    assert again is not None
    assert again["to"] == token["oldest"]
    assert again["from"] == token["from"]


@pytest.mark.parametrize("rest", [{}, {"offset": None}, {"offset": ""}])
def test_more_events_without_an_offset_are_asked_for_from_the_oldest_one_seen(rest: dict[str, Any]) -> None:
    """HubSpot says that there is more, and not where: what came is kept, and the slice is not taken for read."""
    reader = EventSlices(limit=2)
    work = work_of("SENT", since=FIRST_MAIL, until=FIRST_MAIL + DAY_MS)
    start = reader.start(work)
    events = [{"created": FIRST_MAIL + 9000}, {"created": FIRST_MAIL + 5000}]
    step = reader.read(work, start, orjson.dumps({"hasMore": True, **rest, "events": events}), {})

    assert step.next is not None
    assert (step.next["from"], step.next["to"]) == (start["from"], FIRST_MAIL + 5000)
    assert "offset" not in reader.request(work, step.next).params
    last = reader.read(work, step.next, orjson.dumps({"hasMore": False, "events": events[1:]}), {})
    assert last.next is None


def test_a_later_run_tries_an_offset_that_died_anew_however_often_the_run_before_did() -> None:
    reader = EventSlices(limit=2)
    token: Any = {"from": FIRST_MAIL, "to": FIRST_MAIL + 9, "span": 1, "pages": 8, "offset": "dead", "oldest": FIRST_MAIL + 9}
    first, later = (work_of("SENT", since=FIRST_MAIL, until=FIRST_MAIL + DAY_MS) for _ in range(2))
    tries = 0
    while reader.shrink(first, token) is not None:
        tries += 1

    again = reader.shrink(later, token)

    assert tries == 5
    assert again == {"from": FIRST_MAIL, "to": FIRST_MAIL + 9, "span": 1, "pages": 8}


def test_more_events_that_never_come_end_in_an_error_not_in_a_circle() -> None:
    reader = EventSlices(limit=2)
    work = work_of("SENT", since=FIRST_MAIL, until=FIRST_MAIL + DAY_MS)
    token: Any = reader.start(work)
    tries = 0
    with pytest.raises(ResponseError, match="more events, and not where"):
        while tries < 20:
            token = reader.read(work, token, b'{"hasMore":true,"events":[]}', {}).next
            tries += 1

    assert tries == 5


def test_an_event_without_a_readable_time_is_a_reject_and_the_pages_go_on(shaped: Shape) -> None:
    """Neither what has no time nor what lies outside the slice moves the place where a dead offset starts again."""
    good = FIRST_MAIL + 5000
    odd: list[Any] = [{"created": "soon"}, {"created": True}, {"created": None}, {"created": 1.5}, {"created": "12"}, {}, 7]
    event = {"id": "a1", "type": "OPEN", "recipient": "a@example.com"}
    named = [{**event, **one} if isinstance(one, dict) else one for one in [*odd, {"created": good}, {"created": 3}]]
    body = orjson.dumps({"hasMore": True, "offset": "next", "events": named})
    reader, work = EventSlices(), work_of("OPEN", since=FIRST_MAIL, until=FIRST_MAIL + DAY_MS)
    step = reader.read(work, reader.start(work), body, {})

    assert step.next is not None
    assert (step.next["offset"], step.next["oldest"]) == ("next", good)
    found = shaped(streams_mail.EMAIL_EVENTS, body, "events")
    assert len(found.rejects) == len(odd)
    assert [row.happened_at for row in found.rows if isinstance(row, Touchpoint)] == [good, 3]


def test_an_answer_that_is_no_page_of_events_is_an_error() -> None:
    reader, work = EventSlices(), work_of("SENT", since=0, until=FIRST_MAIL + DAY_MS)

    with pytest.raises(ResponseError, match="not the JSON that was expected"):
        reader.read(work, reader.start(work), b"<html>", {})
    with pytest.raises(ResponseError, match="no page of e-mail events"):
        reader.read(work, reader.start(work), b'{"hasMore": false}', {})


def test_another_source_of_events_takes_the_place_of_v1_behind_the_seam(at: Callable[..., Context]) -> None:
    """A source brings its own record and reader; rows and store see no difference."""

    class Export:
        record = dict
        reader = EventSlices()
        path = "/exports/events"
        scopes = ("crm.export",)
        supported_until = None
        unused = ()

        def events(self, record: Any) -> Any:
            yield EmailEvent(Action.OPEN, record["who"], record["when"], "7701", is_machine=True)

    stream = event_stream(Export())

    assert (stream.name, stream.path, stream.scopes) == ("email_events", "/exports/events", ("crm.export",))
    assert list(stream.rows({"who": "a@example.com", "when": 5}, at())) == [
        Touchpoint(CampaignRef(("email_campaign", "7701")), Person(("email", "a@example.com")), Action.OPEN, 5, is_machine=True)
    ]
    assert event_stream(V1Events()).path == "/email/public/v1/events"


def test_each_type_is_asked_for_alone(account: Any) -> None:
    """A list of types is a 400 at the vendor, so a partition is one type."""
    answer: httpx.Response = account.ask("GET", "/email/public/v1/events", params={"eventType": "OPEN,CLICK"})

    assert answer.status_code == 400
    reader = streams_mail.EMAIL_EVENTS.reader
    asked = reader.request(work := work_of("OPEN", since=0, until=FIRST_MAIL + DAY_MS), reader.start(work))
    assert asked.params["eventType"] == "OPEN"
    assert isinstance(reader.read(work, reader.start(work), b'{"events":[],"hasMore":false}', {}), Step)
