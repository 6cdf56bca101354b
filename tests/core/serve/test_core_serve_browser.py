"""The live page as people see it: in a real browser, with its script, on a wide and on a narrow screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.serve.conftest import site_of
from persync.jobs.report import make_report
from persync.sandbox.world import World
from persync.serve.filters import Filters
from persync.serve.run import serving

CHROMIUM = Path("/usr/bin/chromium")
PARTS = ("pays", "whom", "credit", "value")
"""parts with figures of each kind: intervals, bars, a heat table"""


@dataclass
class Seat:
    """Somebody at the page. `wrong` gathers what must never be: a word on the console, an error, a request elsewhere."""

    page: Any
    base: str
    wrong: list[str] = field(default_factory=list)

    def open(self, address: str) -> None:
        """Go to an address of the server."""
        self.page.goto(f"{self.base}{address}")

    def change(self, act: Callable[[], Any]) -> str:
        """Do something that shows other numbers, wait for them and return their text."""
        with self.page.expect_response(lambda answer: answer.status == 200 and "/part/" in answer.url):
            act()
        self.page.wait_for_selector("main:not([aria-busy])")
        return str(self.page.inner_text("main"))


@pytest.fixture(scope="module")
def seats(shop: Path, world: World) -> Iterator[Callable[..., Any]]:
    """Hand out seats at one server and in one browser."""
    if not CHROMIUM.exists():
        pytest.skip("there is no chromium here (/usr/bin/chromium): the pages are not looked at")
    sync = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser: pip install -e '.[dev]'")
    site = site_of(shop, world.now)
    site.library.text()  # made beforehand, so that no page waits for it on a busy machine
    with serving(site) as (base, token), sync.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])

        @contextmanager
        def seat(width: int = 1440, scheme: str = "light", script: bool = True, enters: bool = True) -> Iterator[Seat]:
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
            )
            context.set_default_timeout(60_000)
            found = Seat(context.new_page(), base)
            found.page.on("console", lambda told: found.wrong.append(f"console: {told.text}"))
            found.page.on("pageerror", lambda error: found.wrong.append(f"error: {error}"))
            found.page.on(
                "request", lambda asked: None if asked.url.startswith(f"{base}/") else found.wrong.append(f"to {asked.url}")
            )
            if enters:
                found.open(f"/?token={token}")
            yield found
            context.close()

        yield seat
        browser.close()
    site.close()


SERIOUS = ("serious", "critical")


def barriers(page: Any) -> list[str]:
    """Return what axe-core finds that keeps people out of a page, all that is folded unfolded: the rule, where, and why."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe looks at the pages: pip install -e '.[dev]'")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{one['id']} {node['target']}: {node['failureSummary']}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


def drawn(seat: Seat) -> int:
    """Wait until every figure of a page is drawn; return how many there are."""
    boxes = seat.page.locator(".plot")
    for number in range(boxes.count()):
        boxes.nth(number).locator("svg").wait_for()
    return int(boxes.count())


CUT = """
() => [...document.querySelectorAll(".plot svg")].flatMap(svg => {
  const room = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter(text => {
    const box = text.getBoundingClientRect();
    return box.width && (box.left < room.left - 1 || box.right > room.right + 1 || text.textContent.endsWith("…"));
  }).map(text => text.textContent);
})
"""
"""the texts of figures that stick out of them, or are cut"""
HERE = """
() => {
  const [list, here] = [".parts", ".parts [aria-current]"].map(one => document.querySelector(one).getBoundingClientRect());
  const middle = (here.left + here.right) / 2;
  return list.left < middle && middle < list.right;
}
"""
"""whether the page that is open is in sight in the list of pages"""


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (375, "dark")])
def test_every_page_fits_the_screen_without_an_error_or_a_request_elsewhere(
    seats: Callable[..., Any], width: int, scheme: str
) -> None:
    with seats(width, scheme) as seat:
        assert "token" not in seat.page.url
        figures = 0
        for address in ("/", *(f"/part/{name}" for name in PARTS), "/metric/ctr", "/rows/touchpoints", "/coverage", "/log"):
            seat.open(address)
            figures += drawn(seat)
            assert seat.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{address} scrolls sideways"
            assert seat.page.evaluate(CUT) == [], address
            assert seat.page.evaluate(HERE), address
        paper = seat.page.evaluate("getComputedStyle(document.body).backgroundColor")

        assert seat.wrong == []
        assert figures >= 2
        assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 28)")


def test_every_filter_changes_the_numbers_and_the_address_in_place(seats: Callable[..., Any]) -> None:
    with seats() as seat:
        page = seat.page
        seat.open("/part/credit")
        page.evaluate("window.stays = true")
        every = page.inner_text("main")

        linear = seat.change(lambda: page.select_option("#model", "linear"))
        month = seat.change(lambda: (page.fill("#from", "2026-06-01"), page.fill("#to", "2026-08-31")))
        buyers = seat.change(lambda: page.select_option("#segment", "buyers"))
        arm = seat.change(lambda: page.select_option("#arm", "personal:treated"))

        assert len({every, linear, month, buyers, arm}) == 5
        assert "last touch" in every
        assert "last touch" not in linear
        assert "People in the segment 'buyers'" in buyers
        assert "who are also people in the arm 'treated' of the experiment 'personal'" in arm
        assert {"model=linear", "segment=buyers", "arm=personal%3Atreated"} <= set(page.url.partition("?")[2].split("&"))
        assert page.evaluate("window.stays"), "no page was loaded"
        drawn(seat)
        assert seat.change(lambda: page.click(".presets a:last-child")) != arm
        assert seat.wrong == []


def test_an_address_with_filters_shows_them_set(seats: Callable[..., Any]) -> None:
    with seats() as seat:
        seat.open("/part/credit?from=2026-06-01&to=2026-08-31&model=linear&segment=buyers&arm=personal%3Atreated")

        chosen = {name: seat.page.input_value(f"#{name}") for name in ("from", "to", "model", "segment", "arm")}

        assert chosen == {
            "from": "2026-06-01",
            "to": "2026-08-31",
            "model": "linear",
            "segment": "buyers",
            "arm": "personal:treated",
        }


def test_a_figure_tells_the_values_of_what_is_pointed_at(seats: Callable[..., Any]) -> None:
    with seats() as seat:
        seat.open("/part/credit?model=linear")
        drawn(seat)

        seat.page.hover(".plot svg .mark-rect path >> nth=0")
        seat.page.wait_for_selector("#vg-tooltip-element.visible")

        told = dict(line.split("\t") for line in seat.page.inner_text("#vg-tooltip-element").splitlines())
        assert (told["model"], told["channel"]) == ("linear", "direct")
        assert float(told["EUR"].replace(",", "")) > 100
        assert set(told) == {"model", "channel", "EUR"}
        assert seat.wrong == []


def test_a_number_leads_to_its_rows_and_an_order_to_its_explanation(seats: Callable[..., Any]) -> None:
    with seats() as seat:
        page = seat.page
        seat.open("/part/credit?model=linear")
        page.click("main a.behind >> nth=0")

        assert "/behind/credit" in page.url
        page.click('main a[href^="/order/"] >> nth=0')
        assert "What each model gives each touch." in page.inner_text("main")
        assert seat.wrong == []


def test_without_a_script_the_form_and_the_pictures_do(seats: Callable[..., Any]) -> None:
    with seats(script=False) as seat:
        page = seat.page
        seat.open("/part/credit")
        page.select_option("#model", "linear")
        page.click("form.filters button")

        assert "model=linear" in page.url
        assert "last touch" not in page.inner_text("main")
        assert page.locator(".picture.wide svg").first.is_visible()
        assert not page.locator(".plot").first.is_visible()
        assert seat.wrong == []


def test_who_comes_without_the_token_sees_why_and_nothing_else(seats: Callable[..., Any]) -> None:
    with seats(enters=False) as seat:
        answer = seat.page.goto(f"{seat.base}/?token=wrong")

        assert answer.status == 403
        assert "The token is missing or wrong." in seat.page.inner_text("body")
        assert seat.page.locator("main").count() == 0


def test_barriers_are_found_where_there_are_some(seats: Callable[..., Any]) -> None:
    """Faint words, a picture without a name, a field without a label: what the tests below look for."""
    with seats(enters=False) as seat:
        seat.page.set_content(
            "<!doctype html><html lang=en><title>t</title><main><h1>One</h1><p style='color:#bbb'>faint</p>"
            "<svg role=img width=9 height=9></svg><input></main>"
        )

        assert {one.split()[0] for one in barriers(seat.page)} == {"color-contrast", "svg-img-alt", "label"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out_of_the_live_page(seats: Callable[..., Any], scheme: str) -> None:
    """Filters, figures, rows, coverage and the log: axe-core has nothing serious to say."""
    with seats(scheme=scheme) as seat:
        for address in ("/", "/part/pays", "/metric/ctr", "/coverage", "/log"):
            seat.open(address)
            drawn(seat)
            assert barriers(seat.page) == [], address


READ = ("answer", "pays", "credit", "trust", "journeys", "method")
"""parts with tiles, figures of several kinds, folded definitions and long tables"""


@pytest.fixture(scope="module")
def report_page(shop: Path, world: World) -> str:
    """A report as a file, as people get it by mail."""
    site = site_of(shop, world.now)
    with site.source.snapshot() as snapshot:
        ask = site.project.ask(snapshot.now)
        with snapshot.engine(Filters(), ask) as (engine, narrowed, _):
            made, failed = make_report(site.host, site.project, engine, narrowed, "html", sections=READ)
    site.close()
    assert failed == []
    return str(made)


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (375, "dark")])
def test_nobody_is_kept_out_of_the_report(
    seats: Callable[..., Any], report_page: str, tmp_path: Path, width: int, scheme: str
) -> None:
    """Opened from a disk, wide and light or narrow and dark: nothing serious, nothing that scrolls sideways, nothing loaded."""
    file = tmp_path / "report.html"
    file.write_text(report_page, encoding="utf-8")
    with seats(width, scheme, enters=False) as seat:
        seat.page.goto(file.as_uri())

        assert barriers(seat.page) == []
        assert seat.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert seat.page.locator("svg:visible").count() >= 4
        assert seat.wrong == [f"to {file.as_uri()}"]


def test_the_numbers_of_a_table_can_be_taken_out_of_the_report(
    seats: Callable[..., Any], report_page: str, tmp_path: Path
) -> None:
    """The link under a table saves a CSV file, although the page forbids everything else."""
    file = tmp_path / "report.html"
    file.write_text(report_page, encoding="utf-8")
    with seats(enters=False) as seat:
        seat.page.goto(file.as_uri())
        with seat.page.expect_download() as taken:
            seat.page.click('section a[download="till.csv"], section a[download="credit.csv"] >> nth=0')
        text = Path(taken.value.path()).read_text(encoding="utf-8")

        assert text.startswith("row,item,column,value,low,high,p,n,unit,label,reason\n")
        assert len(text.splitlines()) > 10


def test_a_printed_report_shows_what_is_folded_and_leaves_out_what_is_looked_up(
    seats: Callable[..., Any], report_page: str, tmp_path: Path
) -> None:
    """On paper the numbers behind a figure stand open, a line says where the definitions are, and nothing is wider than it."""
    file = tmp_path / "report.html"
    file.write_text(report_page, encoding="utf-8")
    with seats(width=688, enters=False) as seat:  # A4 less its margins
        seat.page.emulate_media(media="print")
        seat.page.goto(file.as_uri())

        assert seat.page.locator("details.glossary").is_visible() is False
        assert seat.page.locator("details.data table").first.is_visible()
        assert "definitions stand on the page that this was printed from" in seat.page.inner_text("main")
        assert seat.page.locator("nav").is_visible() is False
        assert seat.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
