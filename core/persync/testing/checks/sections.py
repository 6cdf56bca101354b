"""Checks of a section of the report."""

from __future__ import annotations

from typing import Final

from persync.errors import DataError
from persync.report.build import build_report
from persync.report.render import FORMATS, render
from persync.report.report import Figure, Inputs, Note, Report, Table
from persync.testing.checks.check import expect, listed, many
from persync.testing.shop import Shop, ShopCheck


def _inputs(shop: Shop, *, empty: bool = False) -> Inputs:
    models = tuple(shop.project.models(shop.host.models).values())
    return Inputs(
        engine=shop.empty if empty else shop.engine,
        ask=shop.ask,
        models=models,
        metrics=shop.host.metrics,
        project=shop.project.facts(),
    )


def _report(shop: Shop, name: str, *, empty: bool = False) -> Report:
    return build_report([shop.host.sections[name]], _inputs(shop, empty=empty), made_at=shop.ask.now)


def says(shop: Shop, name: str) -> str:
    """Look at its heading."""
    section = shop.host.sections[name]
    expect(bool(section.title.strip()), "it has no title: the question that it answers.")
    return section.title


def builds(shop: Shop, name: str) -> str:
    """Build it over the shop: every picture has its words and its table."""
    try:
        blocks = tuple(shop.host.sections[name].build(_inputs(shop)))
    except DataError as error:
        return f"nothing to say: {error}"
    for block in blocks:
        expect(isinstance(block, Table | Figure | Note), f"{type(block).__name__} is no Table, Figure or Note.")
        if isinstance(block, Figure):
            expect(bool(block.alt.strip()), f"the figure '{block.name}' has no text that stands for it.")
            expect(bool(block.table.rows), f"the figure '{block.name}' has no data under it.")
        if isinstance(block, Table):
            wide = [row for row in block.rows if len(row) != len(block.columns)]
            expect(not wide, f"rows of the table '{block.name}' have more or fewer cells than columns.")
    return many(len(blocks), "block")


def renders(shop: Shop, name: str) -> str:
    """Write it in every format."""
    report = _report(shop, name)
    failed = report.facts["failed"]
    expect(not failed, f"it failed: {listed(one['reason'] for one in failed)}.")
    for form in FORMATS:
        expect(bool(render(report, form)), f"as {form} it is empty.")
    return listed(FORMATS)


def of_nothing(shop: Shop, name: str) -> str:
    """Build it over a store that holds nothing."""
    failed = _report(shop, name, empty=True).facts["failed"]
    expect(not failed, f"over a store that holds nothing it failed: {listed(one['reason'] for one in failed)}.")
    return "an empty store"


SECTION: Final = (
    ShopCheck("says", "its title is the question that it answers", says),
    ShopCheck("builds", "every picture has words that stand for it, and its data", builds),
    ShopCheck("renders", "it can be written in every format", renders),
    ShopCheck("nothing", "over an empty store it says so", of_nothing),
)
