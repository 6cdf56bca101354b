"""The live page as people see it: in a real browser, with its script, on a wide and on a narrow screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.serve.conftest import site_of
from persync.sandbox.world import World
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
    return box.width && (box.left < room.left - 1 || box.right > room.right + 1);
  }).map(text => text.textContent);
})
"""
"""the texts of figures that stick out of them"""


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
