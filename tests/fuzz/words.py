"""Hostile words in every place a report shows: each form of it, and each command's text, is inert and shows them all."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache, partial
from pathlib import Path
from random import Random

import click
import pytest

from fuzz import hostile, inert
from fuzz.shop import NOW, PLACES, make_shop
from persync.cli.attribution import attribution
from persync.cli.context import App
from persync.cli.doctor import doctor
from persync.cli.experiment import experiment
from persync.cli.explain import explain
from persync.cli.fairness import fairness
from persync.cli.metrics import metric
from persync.cli.privacy import privacy
from persync.cli.reconcile import reconcile
from persync.cli.segment import segment
from persync.cli.status import status
from persync.cli.tag import tag
from persync.cli.verify import verify
from persync.engine import Engine
from persync.errors import LONGEST, PersyncError
from persync.estimate import Estimate, missing
from persync.export.formats import write
from persync.export.source import names_of, sheet_of
from persync.jobs.report import inputs_of
from persync.money import Money
from persync.plugins import Host, load_plugins
from persync.report import charts
from persync.report.build import build_report, of_profile
from persync.report.render import render
from persync.report.report import BuiltSection, Column, Figure, Note, Report, Table
from persync.report.safe import plain
from persync.store.key import read_key
from persync.store.reading import reading
from persync.store.urls import without_query

LONG = 2000
"""a text longer than this is not looked for letter by letter where tables are set in columns, or cells have an end"""
FOLDED = 20
"""no column is so narrow that a word of fewer letters is cut in two"""
SEEN = dict.fromkeys(("answer", "info", "warning"), "html text json md xlsx") | {
    "definition": "html json md xlsx",
    "glossary": "html json xlsx",
}
"""the forms that show a note of each tone"""


# -- a report made by hand ------------------------------------------------------------------------------------------------


def render_case(seed: str, folder: Path) -> int:
    """Render a report of hostile words in all its forms; return how many words it had.

    Raises AssertionError when a form is not inert, or lacks a word.
    """
    rng = Random(seed)
    words: list[str] = []
    # To set a megabyte in columns takes seconds: most of the time a long word is long, and not that long.
    longest = 1_000_000 if rng.random() < 0.02 else 4000

    def word() -> str:
        words.append(hostile.text(rng)[:longest])
        return words[-1]

    report = _report(word)
    for form, check in inert.CHECKS.items():
        shown = inert.letters(check(_rendered(report, form)))
        for place, text in enumerate(words):
            if form not in report.facts["places"][place]:
                continue
            if len(text) > LONG and form == "xlsx":
                continue
            if form == "text":
                # Columns and tiles may be folded: each line has some words of every cell then.
                missing_words = [one for one in text.split()[:50] if len(one) < FOLDED and inert.letters(one) not in shown]
                assert not missing_words, (form, place, missing_words)
                continue
            # A remark of several parts may have them in different places.
            assert all(inert.letters(part) in shown for part in text[:LONG].split(";")), (form, place, text)
    return len(words)


def _rendered(report: Report, form: str) -> str | bytes:
    """Return a form of a report; the text on lines so long that none is folded."""
    return render(report, form, width=20_000) if form == "text" else render(report, form)


def alone_case(text: str) -> None:
    """Render a report in which every text is this one, in all its forms but the page, whose places are all alike.

    Raises AssertionError when a form is not inert, or lacks it.
    """
    report = _report(lambda: text)
    for form, check in inert.CHECKS.items():
        if form != "html":
            shown = check(render(report, form, **({"width": 200} if form == "text" else {})))  # type: ignore[arg-type]
            assert inert.letters(text) in inert.letters(shown), form
            if form in ("text", "xlsx", "csv"):
                assert plain(text).strip() in shown, form


def _report(word: Callable[[], str]) -> Report:
    """Make a report in which everything that can be a text is one; `places` are the forms that show each of them."""
    places: list[str] = []

    def told(forms: str = "html text json md xlsx", *, csv: bool = False) -> str:
        places.append(f"{forms} csv" if csv else forms)
        return word()

    def estimate() -> Estimate:
        return Estimate("difference", 0.7, 0.4, 1.0, 0.01, 99, "EUR", told(csv=True), by={"arm": "a"}, note=told())

    table = Table(
        "one",
        told(),
        (Column("a", told()), Column("b", told(), "estimate", told()), Column("c", told(), "money"), Column("d", told())),
        tuple((told(csv=True), estimate(), Money(-1250, "EUR"), told(csv=True)) for _ in range(3)),
        has_total=True,
    )
    tiles = Table(
        "two",
        told(),
        (Column("a", "A"), Column("b", "B", "estimate"), Column("c", "C")),
        ((told(csv=True), missing("roi", "no_cost", unit="ratio"), told(csv=True)),),
        layout="tiles",
    )
    alone = Table(
        told("json", csv=True) + " 5",
        told(),
        (Column(told("json"), told()), Column("b", "B")),
        ((told(csv=True), told(csv=True)),),
    )
    counted = Table("six", told(), (Column("a", "A"), Column(told("json", csv=True), told(), "count")), ((told(csv=True), 3),))
    name = told(csv=True)
    figure = Figure(
        "three",
        told("html json"),
        told("html json"),
        charts.intervals([{"name": name, "value": 0.7, "low": 0.4, "high": 1.0}], unit="EUR"),
        Table("three", "The numbers", (Column("a", told()), Column("b", told(), "share")), ((name, 0.5),)),
    )
    notes = tuple(Note(told(SEEN[tone]), tone, told(SEEN[tone]) if number % 2 else "") for number, tone in enumerate(SEEN))  # type: ignore[arg-type]
    return Report(
        told(),
        "0.1.0",
        NOW,
        None,
        "UTC",
        (
            BuiltSection("a", told(), (*notes, table)),
            BuiltSection(told("json", csv=True) + " 6", told(), (tiles, figure, alone, counted)),
        ),
        {"project": {"name": told()}, "places": tuple(places)},
    )


# -- a shop in a store ----------------------------------------------------------------------------------------------------


def shop_case(seed: str, folder: Path) -> int:
    """Make a shop of which every word is hostile, and ask everything of it; return how many words it had.

    Raises AssertionError when an output is not inert, or lacks a word that stands in it when the words are tame.
    """
    rng = Random(seed)
    longest = 1_000_000 if rng.random() < 0.1 else 4000
    texts = {place: f"{_for_store(hostile.text(rng)[:longest])} {number}q" for number, place in enumerate(PLACES)}
    outputs = _outputs(texts, folder / "shop")
    texts["link"] = without_query(texts["link"])
    for name, places in _tame(folder).items():
        assert name in outputs, f"{name}: failed"
        for place in places:
            # The middle is cut out of a long message.
            if len(texts[place]) <= (LONGEST // 4 if name == "nearest" else LONG):
                # A cell of the report's text may be folded.
                parts = texts[place].split() if name == "text" else [texts[place]]
                assert all(inert.letters(part) in outputs[name] for part in parts), (name, place, texts[place])
    return len(texts)


def _for_store(text: str) -> str:
    """Make a text what it becomes at the door: half pairs are gone, and blanks at its ends."""
    return text.encode("utf-8", "replace").decode().strip()


_TAME: dict[str, frozenset[str]] = {}


def _tame(folder: Path) -> dict[str, frozenset[str]]:
    """Return {output: the places whose words stand in it} for a shop of tame words."""
    if not _TAME:
        texts = {place: f"Tame{number}q" for number, place in enumerate(PLACES)}
        for name, shown in _outputs(texts, folder / "tame").items():
            _TAME[name] = frozenset(place for place, text in texts.items() if text in shown)
        everywhere = frozenset.union(*_TAME.values())
        assert everywhere == frozenset(PLACES), f"nowhere shown: {sorted(set(PLACES) - everywhere)}"
    return _TAME


def _outputs(texts: dict[str, str], folder: Path) -> dict[str, str]:
    """Make the shop; return the letters of each output, all of which were checked to be inert."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    make_shop(folder, texts)
    app = _App(folder, quiet=True, no_input=True)
    app.__dict__.update(host=_host(), now=NOW)
    found: dict[str, str] = {}
    with app.engine() as engine:
        app.opened = engine
        sections = of_profile(app.host.sections.values(), "full")
        # The same in every form: it is worked out once.
        report = build_report(sections, inputs_of(app.host, app.project, engine, app.ask()), made_at=NOW)
        assert not report.facts.get("failed"), report.facts["failed"]
        for form, check in inert.CHECKS.items():
            found[form] = inert.letters(check(_rendered(report, form)))
        for name, command, arguments in _commands(texts):
            said = _said(app, command, arguments)
            check = inert.json_text if name.endswith("json") else inert.terminal
            try:
                found[name] = inert.letters(check(said))
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from None
        app.opened = None
    found |= _files(folder / "persync.db")
    shutil.rmtree(folder)
    return found


def _files(store: Path) -> dict[str, str]:
    """Export every table and view in the forms for programs; return the letters of all files of a form."""
    found: dict[str, str] = {}
    with reading(store) as db:
        names = names_of(db)
        for form, check in inert.FILES.items():
            # A workbook takes as long as all the others together.
            some = [name for name in names if form != "xlsx" or name in ("v_campaigns", "v_order_lines", "v_touchpoints")]
            shown = []
            for name in some:
                sink = io.BytesIO()
                write(sheet_of(db, name, key=partial(read_key, store)), form, sink)
                shown.append(inert.letters(check(sink.getvalue())))
            found[f"export as {form}"] = " ".join(shown)
    return found


class _App(App):
    """A call that has the engine already: to open one takes longer than most questions."""

    opened: Engine | None = None

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        if self.opened is not None:
            yield self.opened
        else:
            with super().engine() as engine:
                yield engine


def _commands(texts: dict[str, str]) -> Iterator[tuple[str, click.Command, list[str]]]:
    named: list[tuple[str, click.Command, list[str]]] = [
        ("attribution", attribution, ["--models", "last_touch", "--by", "campaign"]),
        ("attribution by channel", attribution, ["--models", "linear,u_shaped"]),
        ("metric", metric, ["revenue_per_recipient", "--by", "channel"]),
        ("cost", metric, ["personalisation_cost", "--by", "category", "--by", "scope"]),
        ("rates", metric, ["conversion_rate", "--by", "msg"]),
        ("metric by arm", metric, ["conversion_rate", "--arm", texts["experiment"]]),
        ("status", status, []),
        ("reconcile", reconcile, []),
        ("fairness", fairness, []),
        ("fairness of a decision", fairness, ["--decision", texts["decision"]]),
        ("experiment", experiment, ["read"]),
        ("tag", tag, ["--list"]),
        ("verify", verify, []),
        ("segments", segment, ["list"]),
        ("order", explain, ["order", "#0", "--models", "last_touch"]),
        ("message", explain, ["send", "mail:spring", "mail:m1"]),
        ("plan", experiment, ["plan"]),
        ("audit", privacy, ["audit"]),
        ("doctor", doctor, ["--offline"]),
    ]
    for name, command, arguments in named:
        yield name, command, arguments
        yield f"{name}, json", command, [*arguments, "--format", "json"]
    yield "export, json", privacy, ["export-subject", "--id", "mail:m1"]
    yield "tag by title", tag, [texts["title"], "2"]
    yield "nearest", metric, [texts["title"]]


def _said(app: App, command: click.Command, arguments: list[str]) -> str:
    """Run a command as the command line does, in a terminal so wide that it shortens nothing; return what it wrote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "20000")
        return _heard(app, command, arguments)


def _heard(app: App, command: click.Command, arguments: list[str]) -> str:
    said = io.StringIO()
    if "json" in arguments:
        # What is no result goes to stderr.
        with redirect_stdout(said), redirect_stderr(io.StringIO()):
            return _ran(app, command, arguments, said)
    with redirect_stdout(said), redirect_stderr(said):
        return _ran(app, command, arguments, said)


def _ran(app: App, command: click.Command, arguments: list[str], said: io.StringIO) -> str:
    try:
        command.main(list(arguments), obj=app, standalone_mode=False)
    except PersyncError as error:
        inert.terminal(str(error))
        if "json" in arguments:
            raise
        said.write(f"persync: {error}\n")
    except click.exceptions.Exit:
        pass
    return said.getvalue()


@cache
def _host() -> Host:
    return load_plugins()
