"""A store in which every word wants to be something else, behind the live page: its pages, files and /api/v1 obey none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from core.serve.asking import Asking
from core.serve.conftest import client_of, site_of
from fuzz import inert
from fuzz.hostile import HARM
from fuzz.shop import NOW, PLACES, make_shop
from persync.serve.api.answers import ANSWERS

PARTS = {"whom", "fairness"}
"""the others are rendered by the same code, and all of the report in `make fuzz`"""
TAGS = inert.TAGS | frozenset(
    [
        "link",
        "script",
        "form",
        "label",
        "input",
        "select",
        "option",
        "button",
        "ul",
        "nav",
        "strong",
        "code",
        "pre",
        "em",
        "br",
        "time",
        "small",
    ]
)
OWN = {"/static/live.js", "/static/report.css", "/static/live.css", "/static/icon.svg"}


@pytest.fixture(scope="module")
def words() -> dict[str, str]:
    return {place: f"{place} {HARM[number % len(HARM)]}" for number, place in enumerate(PLACES)}


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory, words: dict[str, str]) -> Iterator[Asking]:
    folder = tmp_path_factory.mktemp("shop")
    make_shop(folder, words)
    site = site_of(folder, NOW)
    yield client_of(site)
    site.close()


class Page(HTMLParser):
    """Reads a page: elements that it is made of, no handler, nothing that leads or loads elsewhere."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.ways: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, f"<{tag}>"
        for name, value in attrs:
            assert re.fullmatch(r"[a-z][a-z0-9:-]*", name), f"<{tag} {name}>"
            assert not name.startswith("on"), f"<{tag} {name}>"
            assert name != "style" or not re.search(r"url\(|expression", value or ""), value
            if name in ("href", "src", "action", "formaction", "data-src"):
                assert re.match(r"#|/(?!/)", value or ""), f"<{tag} {name}={value!r}>"
                if tag in ("link", "script"):
                    assert value in OWN
                elif name == "href" and not str(value).startswith("#"):
                    self.ways.append(str(value))
            if name in ("aria-label", "title", "value", "content"):
                self.words.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:60]!r}")


def shape(address: str) -> tuple[str, ...]:
    """Return what addresses have in common that are made by the same code: of rows each table, which has texts of its own."""
    path, _, query = address.partition("?")
    steps = path.strip("/").split("/")
    kind = "file" if path.endswith(".csv") else "page"
    return (kind, steps[0], "of a slice") if "d." in query else (kind, *steps[: 2 if steps[0] in ("rows", "part") else 1])


def is_asked(address: str) -> bool:
    """Tell whether an address is of the parts that are opened, and of all days: other days are the same code."""
    steps = address.partition("?")[0].split("/")
    return "period=" not in address and (steps[1] != "part" or steps[2] in PARTS)


def told_by(words: Mapping[str, str], text: str) -> set[str]:
    """Return the places whose words stand in a text, however they are escaped."""
    letters = inert.letters(text)
    return {place for place, word in words.items() if inert.letters(word) in letters}


def test_the_pages_and_their_files_obey_no_word_of_the_store(asking: Asking, words: dict[str, str]) -> None:
    """From the first page on, one address of each kind: all that it leads to is there, and inert."""
    to_open, opened, told = ["/"], {shape("/")}, set[str]()
    for address in to_open:
        answer = asking.get(address)
        assert answer.status_code == 200, address
        if answer.headers["content-type"].startswith("text/csv"):
            inert.comma_separated(answer.text)
            continue
        inert.terminal(answer.text)
        page = Page()
        page.feed(answer.text)
        page.close()
        told |= told_by(words, "".join(page.words))
        for way in page.ways:
            if shape(way) not in opened and is_asked(way):
                opened.add(shape(way))
                to_open.append(way)

    assert {kind for kind, *_ in opened} == {"file", "page"}
    assert len(opened) > 60
    assert told >= {
        "shop name",
        "experiment",
        "arm treated",
        "attribute",
        "north",
        "channel",
        "decision",
        "title",
        "sku",
        "basis",
    }


def test_words_of_an_address_do_nothing_on_a_page(asking: Asking) -> None:
    """What is asked for is told back, in a page of its own or beside what there is."""
    evil = quote("<script>alert(1)</script>\u202e\x1b[31m=HYPERLINK(1)'\"&{{7*7}}")
    addresses = [f"/part/{evil}", f"/order/{evil}", f"/orders?id={evil}", f"/behind/{evil}?of={evil}&d.{evil}={evil}"]
    addresses += [f"/part/segments?model={evil}", f"/part/segments?arm=a:{evil}", f"/part/value?period=2026&segment={evil}"]
    addresses += [f"/message/{evil}", f"/metric/{evil}", f"/metric/ctr?by={evil}", f"/rows/{evil}", "/nothing%0a<b>"]
    for address in addresses:
        text = asking.get(address).text
        page = Page()
        page.feed(text)
        page.close()

        inert.terminal(text)
        assert "{{49}}" not in text
        assert "</main>" in text, address


API = {
    "/metrics/{id}": "/metrics/revenue_per_recipient?by=channel",
    "/metrics/{id}/definition": "/metrics/ctr/definition",
    "/attribution": "/attribution?models=last_touch&by=campaign",
    "/explain/order/{id:path}": "/explain/order/%230?models=linear",
    "/explain/person/{key:path}": "/explain/person/shop:s0?models=linear",
    "/explain/send/{id:path}": "/explain/send/mail:spring?key=mail:m1",
    "/experiments/{name:path}": "/experiments/EXPERIMENT",
    "/fairness/mitigate": "/fairness/mitigate?by=ATTRIBUTE&decision=DECISION",
    "/segments/{name:path}": "/segments/SEGMENT",
    "/levels/{campaign:path}": "/levels/mail:spring",
    "/export/{name}": "/export/v_touchpoints",
    "/sums": "/sums?only=mail",
}
"""what is asked of the answers that want to know more"""
TABLES = ("v_campaigns", "v_order_lines", "v_claims", "v_companies", "v_costs", "v_coverage", "segments", "attributes")
BARE = {
    "/report": "every form of it is held in `make fuzz`",
    "/plugins": "no word of the store stands in it",
    "/baseline": "nothing was frozen here",
}
"""answers that are not asked for, and why"""


def test_the_api_obeys_no_word_of_the_store(asking: Asking, words: dict[str, str]) -> None:
    """Every answer is JSON that can be shown as it is, and so are tables."""
    asked = [API.get(answer.path, answer.path) for answer in ANSWERS if answer.path not in BARE]
    told = set[str]()
    for address in (*asked, *(f"/export/{table}" for table in TABLES)):
        for place in ("experiment", "attribute", "decision", "segment"):
            address = address.replace(place.upper(), quote(words[place], safe=""))
        answer = asking.get(f"/api/v1{address}")
        assert answer.status_code == 200, answer.text
        told |= told_by(words, inert.json_text(answer.text))

    # Some have an address in them, which is blanked.
    assert told >= {"title", "claim model", "industry", "segment", "coverage reason", "basis"}


@pytest.mark.parametrize("harm", ["%1b%5b31m%e2%80%ae", "%3Cscript%3E", "%0d%0aX:%20y"])
def test_an_address_that_wants_to_be_something_else_is_told_inert(asking: Asking, harm: str) -> None:
    for address in (
        f"/segments/{harm}",
        f"/metrics/{harm}",
        f"/metrics/ctr?by={harm}",
        f"/export/{harm}",
        f"/audit?regime={harm}",
    ):
        answer = asking.get(f"/api/v1{address}")

        assert answer.status_code in (400, 404), address
        assert inert.json_text(answer.text)
