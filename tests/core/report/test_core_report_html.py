"""The HTML page: well formed, nothing run, nothing fetched, colours from variables alone, hostile text inert."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from persync.errors import DataError
from persync.report import charts
from persync.report.render import render
from persync.report.report import BuiltSection, Column, Figure, Note, Report, Table

VOID = {"meta", "br", "hr", "img", "link", "input"}
INNER = ("#", "data:text/csv;")
"""how links begin that lead to nothing but the page itself: the numbers of a table are in their link"""
URL_ATTRIBUTES = {"src", "href", "xlink:href", "action", "data", "poster", "srcset", "formaction", "background"}


class Page(HTMLParser):
    """Reads a page strictly: every tag closed in order, every id and attribute kept."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def page(report: Report) -> Page:
    return Page(render(report, "html"))


def test_the_page_is_well_formed(page: Page) -> None:
    """Every element is closed in order, and no id stands twice."""
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]

    assert page.open == []
    assert sorted(ids, key=str) == sorted(set(ids), key=str)


def test_every_inner_link_and_label_leads_somewhere(page: Page) -> None:
    """Each #link and each aria-labelledby names an id of the page."""
    ids = {attrs.get("id") for _, attrs in page.tags}
    wanted = {str(attrs["href"])[1:] for _, attrs in page.tags if str(attrs.get("href", "")).startswith("#")}
    wanted |= {str(attrs["aria-labelledby"]) for _, attrs in page.tags if "aria-labelledby" in attrs}

    assert wanted
    assert wanted - ids == set()


def test_the_page_runs_and_loads_nothing(report: Report, page: Page) -> None:
    """No script, no handler, no address to load, no font or picture from elsewhere; and the page forbids them itself."""
    text = render(report, "html")
    names = {tag for tag, _ in page.tags}
    handlers = [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    links = [v for _, attrs in page.tags for k, v in attrs.items() if k in URL_ATTRIBUTES and not str(v).startswith(INNER)]
    policy = [attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]

    assert (
        names & {"script", "link", "iframe", "object", "embed", "img", "base", "form", "foreignobject", "image", "use"} == set()
    )
    assert (handlers, links) == ([], [])
    assert re.findall(r"(?i)https?:|//[a-z]|@import|url\((?!#)|javascript:", text) == []
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_every_colour_of_a_picture_is_a_variable_of_the_page(report: Report, page: Page) -> None:
    """Fills and strokes are CSS variables, none or inherited, and every variable has a value in light, dark and print."""
    text = render(report, "html")
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", text))
    blocks = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    defined = [set(re.findall(r"(--[a-z0-9-]+):", block)) for block in blocks]

    assert len(pictures) == 2
    assert [charts.wrong_colours(picture) for picture in pictures] == [[], []]
    assert len(defined) == 3
    assert [used - names for names in defined] == [set(), set(), set()]


def test_a_picture_has_a_name_for_those_who_do_not_see_it(report: Report, page: Page) -> None:
    """Each picture is an image with the figure's text as its name."""
    figure = report.sections[1].blocks[1]
    assert isinstance(figure, Figure)

    pictures = [(attrs.get("role"), attrs.get("aria-label")) for tag, attrs in page.tags if tag == "svg"]

    assert pictures == [("img", figure.alt)] * 2


def test_a_figure_brings_its_numbers(report: Report) -> None:
    """Under a figure stands its data table, folded; or a link to it where the section shows it anyway."""
    figure = report.sections[1].blocks[1]
    alone = replace(report, sections=(BuiltSection("one", "One", (figure,)),))

    folded = Page(render(alone, "html"))

    assert [tag for tag, _ in folded.tags if tag in ("figure", "details", "table")] == ["figure", "details", "table", "details"]
    assert 'href="#pays-2-t0"' in render(report, "html")


@pytest.mark.parametrize(
    "paint", ["#000", "black", "rgb(0,0,0)", "url(#g)", "var(--x, red)", "hsl(1 1% 1%)", "context-fill", ""]
)
def test_a_colour_that_is_not_a_variable_is_found(paint: str) -> None:
    """The check names what it finds, as attribute and as style."""
    assert charts.wrong_colours(f'<svg><path fill="{paint}"/></svg>') == [paint]
    assert charts.wrong_colours(f'<svg><path style="stroke:{paint};x:y"/></svg>') == [paint]


@pytest.mark.parametrize("paint", ["none", "transparent", "currentColor", "inherit", "var(--c1)"])
def test_a_colour_that_follows_the_page_passes(paint: str) -> None:
    """Variables, none, transparent and inherited colours are right."""
    assert charts.wrong_colours(f'<svg><path fill="{paint}" stroke="{paint}"/></svg>') == []


def continuous() -> dict[str, Any]:
    return {
        "data": {"values": [{"a": 1, "b": 2}, {"a": 2, "b": 7}, {"a": 3, "b": 9}]},
        "mark": "bar",
        "encoding": {
            "x": {"field": "a", "type": "ordinal"},
            "color": {"field": "b", "type": "quantitative", "scale": {"range": ["var(--c1)", "var(--c2)"]}},
        },
    }


def test_a_continuous_colour_scale_is_refused_and_its_numbers_stay(report: Report) -> None:
    """A scale between two variables would turn black: the page says so and shows the table instead."""
    table = Table("t", "Numbers", (Column("a", "A", "count"),), ((41,),))
    figure = Figure("f", "A bad figure", "Bad.", continuous(), table)

    with pytest.raises(DataError, match="must be CSS variables"):
        charts.svg(figure.spec, name="f", alt="Bad.")
    page = Page(render(replace(report, sections=(BuiltSection("one", "One", (figure,)),)), "html"))

    assert [tag for tag, _ in page.tags if tag in ("svg", "table")] == ["table"]
    assert "41" in [text.strip() for text in page.text]


@pytest.mark.parametrize(
    "spec",
    [
        {"data": {"url": "http://127.0.0.1:9/a.json"}, "mark": "bar", "encoding": {}},
        {"layer": [{"data": {"url": "http://127.0.0.1:9/a.json"}, "mark": "bar", "encoding": {}}]},
        {"data": {"values": [{"u": "http://127.0.0.1:9/a.png"}]}, "mark": "image", "encoding": {"url": {"field": "u"}}},
        {"mark": 7},
    ],
)
def test_a_figure_that_wants_data_from_elsewhere_is_refused(spec: dict[str, Any]) -> None:
    """A figure shows only what it carries: no data and no picture by address."""
    with pytest.raises(DataError):
        charts.svg(spec, name="f", alt="x")


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x1b[0m",
    "\x9b31mred",
    "abc\u202etxt.exe\u2066",
    "a|b\n| c | d |",
    "`code` [link](http://example.com) ![x](javascript:alert(1))",
    "{{ 7*7 }}{% raw %}",
    "line\r\nbreak\x00\x07\ud800",
    "# heading",
    "]]></svg></style>",
]


def hostile_report(text: str) -> Report:
    table = Table(text, text, (Column("a", text, note=text), Column("b", text, "count")), ((text, 1), (text + " again", 2)))
    spec = charts.bars(
        [{"of": text, "v": 1, "s": text}, {"of": "b", "v": 2, "s": "t"}], amount="v", of="of", unit=text, split="s"
    )
    blocks = (Note(text, "answer", text), Note(text), table, Figure(text, text, text, spec, replace(table, name="other")))
    return Report(text, "0.1.0", 0, None, text, (BuiltSection(text, text, blocks),), {"project": {"name": text}})


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_everywhere(text: str) -> None:
    """A name from outside shows as letters: it opens no tag, colours no terminal, turns no line, starts no Markdown."""
    report = hostile_report(text)

    page = Page(render(report, "html"))
    html, plain, markdown = (render(report, format) for format in ("html", "text", "md"))
    styled = render(report, "text", color=True)

    assert page.open == []
    assert {tag for tag, _ in page.tags} & {"script", "img"} == set()
    assert [key for _, attrs in page.tags for key in attrs if key.startswith("on")] == []
    assert len(re.findall(r"<svg", html)) == 2
    for output in (html, plain, markdown):
        assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", output) == []
    assert re.findall(r"[\x00-\x09\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e]|\x1b(?!\[[0-9;]*m)|\x1b\[31m", styled) == []
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {3}
    assert re.findall(r"<(?=[a-z/!])|(?<!\\)`|(?<!\\)\]\(|^#(?! |#)", markdown, re.MULTILINE | re.IGNORECASE) == []
    assert [line for line in markdown.splitlines() if line.startswith("# ")][1:] == []


def test_a_long_name_of_pictures_is_drawn() -> None:
    """What cuts a label short cuts in halves of surrogate pairs."""
    spec = charts.intervals([{"name": "\U0001f469\u200d" * 60, "value": 0.7, "low": 0.4, "high": 1.0}], unit="EUR")

    assert charts.svg(spec, name="f", alt="x", width=360).startswith("<")
