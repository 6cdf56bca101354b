"""A project in a notebook: the page's own blocks, answers as on the command line, and nothing that can be changed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars
import pytest
from click.testing import CliRunner

import persync
from fuzz.shop import NOW, PLACES, make_shop
from persync.cli import root
from persync.errors import ConfigError, DataError, PersyncError, StoreError
from persync.estimate import Estimate, missing
from persync.notebook import Estimates, Opened, Rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebooks") / "my-shop"
    folder.mkdir()
    make_shop(folder, {place: f"a {place}" for place in PLACES} | {"experiment": "welcome"})
    return folder


@pytest.fixture(scope="module")
def shop(folder: Path) -> Iterator[Opened]:
    with persync.open(folder, now=NOW) as opened:
        yield opened


@pytest.fixture
def arms(shop: Opened) -> Estimates:
    return shop.metric("conversion_rate", arm="welcome")


def test_the_pages_own_blocks_run(folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, as somebody types them who has a project called my-shop."""
    monkeypatch.chdir(folder.parent)
    blocks = re.findall(
        r"^```python\n(.*?)^```$", (root / "docs" / "notebooks.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    names: dict[str, Any] = {}

    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/notebooks.md, block {number}", "exec"), names)  # noqa: S102

    assert len(blocks) == 8
    assert (len(names["frame"]), names["same"].columns) == (len(names["rate"]), list(names["frame"].columns))
    assert len(names["known"]) + len(names["missing"]) == len(names["rate"])
    assert names["one"][0] == (30,)
    assert (folder.parent / "conversion.svg").read_text().startswith("<svg")


def test_a_metric_is_what_the_command_says(folder: Path) -> None:
    asked = ["conversion_rate", "--by", "level", "--period", "2023-11"]
    said = CliRunner().invoke(root, ["--project", str(folder), "metric", *asked, "--format", "json"]).stdout

    with persync.open(folder) as shop:
        found = shop.metric("conversion_rate", by=["level"], period="2023-11")

    assert [one.as_json() for one in found] == json.loads(said)["results"]


def test_estimates_become_frames_of_the_same_columns_and_values(arms: Estimates) -> None:
    columns = ["id", "arm", "experiment", "against", "value", "low", "high", "p", "n", "unit", "label", "reason", "note"]
    expected = [(e.id, e.by.get("arm"), e.by.get("against"), e.value, e.low, e.high, e.p, e.n) for e in arms]

    pandas, frame = arms.to_pandas(), arms.to_polars()

    assert sorted(pandas.columns) == sorted(columns) == sorted(frame.columns)
    assert frame.select("id", "arm", "against", "value", "low", "high", "p", "n").rows() == expected
    assert pandas["value"].dtype == "float64"
    assert frame.schema["value"] == polars.Float64


def test_a_chart_shows_the_values_with_their_ends_in_per_cent(arms: Estimates) -> None:
    chart = arms.plot("conversion_rate").to_dict()

    data = next(layer["data"]["values"] for layer in chart["layer"] if "name" in layer["data"]["values"][0])
    assert [(row["name"], row["value"], row["low"]) for row in data] == [
        (e.by["arm"], pytest.approx(100 * e.value), pytest.approx(100 * e.low))  # type: ignore[operator]
        for e in arms
        if e.id == "conversion_rate"
    ]
    assert (chart["title"]["text"], chart["title"]["subtitle"]) == ("Conversion rate after mail", "by arm, with 95 % intervals")
    assert "var(" not in json.dumps(chart)
    assert chart["config"]["background"] == "#ffffff"


def test_a_chart_of_values_without_intervals_is_one_of_bars() -> None:
    chart = Estimates("x", "X", [Estimate("x", 3, by={"a": "b"}), Estimate("x", 4, by={"a": "c"})]).plot().to_dict()

    assert chart["mark"]["type"] == "bar"
    assert [row["value"] for rows in chart["datasets"].values() for row in rows] == [3, 4]


def test_nothing_is_drawn_of_what_is_not_known() -> None:
    with pytest.raises(DataError, match="no value of roi to draw: no costs have been imported"):
        Estimates("roi", "ROI", [missing("roi", "no_cost")]).plot()
    with pytest.raises(DataError, match="no value of other to draw: there is roi"):
        Estimates("roi", "ROI", [Estimate("roi", 1.0)]).plot("other")


def test_a_table_shows_any_text_and_obeys_none(shop: Opened) -> None:
    hostile = "<script>alert(1)</script>&\x1b[31m\u202e"
    rows = Rows(("a", hostile), [(hostile, 1), ("x", None)])
    estimates = Estimates("x", hostile, [Estimate("x", 0.5, by={hostile: hostile}, note=hostile)])

    for html in (rows._repr_html_(), estimates._repr_html_()):
        assert "<script" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in html
    for text in (rows._repr_html_(), estimates._repr_html_(), repr(rows), repr(estimates)):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_a_long_answer_shows_its_beginning_and_gives_all() -> None:
    rows = Rows(("n",), [(number,) for number in range(1234)])

    assert repr(rows).splitlines()[-1] == "1,184 more rows"
    assert rows._repr_html_().count("<tr>") == 51
    assert len(rows.to_polars()) == len(rows.to_pandas()) == len(rows) == 1234


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "INSERT INTO log (happened_at, event, detail, chain) VALUES (1, '', '', '')",
        "UPDATE orders SET status = ''",
        "DROP VIEW v_orders",
        "CREATE TEMP TABLE mine (a)",
        "ATTACH '{other}' AS other",
        "PRAGMA query_only = OFF",
        "VACUUM INTO '{other}'",
    ],
)
def test_what_would_change_anything_is_refused(shop: Opened, folder: Path, tmp_path: Path, query: str) -> None:
    before = (folder / "persync.db").read_bytes()

    with pytest.raises(DataError, match="reads the store and changes nothing"):
        shop.sql(query.format(other=tmp_path / "other.db"))

    assert (folder / "persync.db").read_bytes() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT * FROM v_order", "no such table: v_order"),
        ("SELEC 1", "syntax error"),
        ("SELECT ?", r"0 supplied\. Views"),
        (" -- nothing", "there is no query. Write a SELECT"),
    ],
)
def test_a_query_that_fails_says_why(shop: Opened, query: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        shop.sql(query)


def test_what_there_is_not_is_said_with_the_nearest(shop: Opened, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'conversion_rate'"):
        shop.metric("conversion_rat")
    with pytest.raises(ConfigError, match="there is no dimension of cx_roi 'planet'"):
        shop.metric("cx_roi", by="planet")
    with pytest.raises(ConfigError, match="there is no folder"):
        persync.open(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="there is no store"):
        persync.open(tmp_path)


def test_a_notebook_shows_the_line_and_not_the_way_through_persync(shop: Opened) -> None:
    """By the method that IPython asks an exception for."""
    with pytest.raises(ConfigError) as caught:
        shop.metric("conversion_rat")

    line = "UnknownNameError: there is no metric 'conversion_rat'. Did you mean 'conversion_rate'?"
    assert caught.value._render_traceback_() == [line]


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_package_that_is_not_there_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(PersyncError, match=f"{package} is not installed. Run `pip install {package}`."):
        getattr(Rows(("a",), [(1,)]), f"to_{package}")()


def test_a_store_can_be_opened_by_its_own_name(folder: Path) -> None:
    with persync.open(folder / "persync.db", now=NOW) as shop:
        assert shop.sql("SELECT count(*) FROM v_order_lines")[0] == (30,)


def test_to_refresh_takes_up_what_was_pulled_since(shop: Opened) -> None:
    """An engine is of the moment at which it was opened; SQL is of now."""
    engine = shop._lent()

    shop.refresh()

    assert shop._lent() is not engine


def test_persync_opens_nothing_until_it_is_asked() -> None:
    text = "import sys, persync; before = set(sys.modules); persync.open; print('persync.notebook' in before, *sys.modules)"
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.split()

    assert found[0] == "False"
    assert "persync.notebook" in found
    assert {"pandas", "polars", "altair", "duckdb"} & set(found) == set()
