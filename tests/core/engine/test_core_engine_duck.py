"""The DuckDB engine: parameters, types, derived tables, and a closed door."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from persync.engine import EngineType, duck, mirror, open_engine, texts
from persync.engine.duck import DuckEngine, persync_engines
from persync.errors import ConfigError, DataError


@pytest.fixture
def engine(store: Any) -> Any:
    """An engine over the small store."""
    opened = open_engine(store.path)
    yield opened
    opened.close()


def test_parameters_are_named_and_only_the_used_ones_are_bound(engine: DuckEngine) -> None:
    """A colon in a string, a cast or a comment is no parameter."""
    sql = "SELECT ':no' AS text, t.key_id -- :nor this\n FROM touchpoints AS t WHERE t.key_id = :key AND ':x' <> 'it''s :y'"

    assert engine.rows(sql, {"key": 3, "other": 1}) == [{"text": ":no", "key_id": 3}]


def test_a_parameter_without_a_value_is_named(engine: DuckEngine) -> None:
    """Before the engine sees the text."""
    with pytest.raises(DataError, match="no value was given for :a, :b"):
        engine.rows("SELECT :b + :a AS c", {})


def test_a_query_that_fails_is_one_line(engine: DuckEngine) -> None:
    """As a plugin's model may."""
    with pytest.raises(DataError, match=r"^a query failed: [^\n]*nonsense[^\n]*$"):
        engine.rows("SELECT t.nonsense FROM touchpoints AS t")


class Broken:
    """A database, and its cursor, in which a method raises an error."""

    description = (("n",),)

    def __init__(self, method: str, error: Exception) -> None:
        self._method, self._error = method, error

    def __getattr__(self, name: str) -> Any:
        def call(*_: object) -> Broken:
            if name == self._method:
                raise self._error
            return self

        return call


INTERRUPTED = RuntimeError("Query interrupted")


@pytest.mark.parametrize(("ask", "method"), [("rows", "execute"), ("rows", "fetchall"), ("frame", "fetchnumpy")])
@pytest.mark.parametrize(
    ("error", "expected"),
    [(INTERRUPTED, KeyboardInterrupt), (RuntimeError("else"), RuntimeError), (duckdb.Error("full"), DataError)],
)
def test_a_signal_in_the_middle_of_a_query_or_of_its_rows_is_no_failed_query(
    engine: DuckEngine, monkeypatch: pytest.MonkeyPatch, ask: str, method: str, error: Exception, expected: type[BaseException]
) -> None:
    """DuckDB swallows what the signal's handler raised; taken for a failure it would cost a section of a report."""
    with monkeypatch.context() as patched:
        patched.setattr(engine, "_db", Broken(method, error))
        with pytest.raises(expected):
            getattr(engine, ask)("SELECT 1 AS n")


def test_frames_are_arrays_and_nulls_are_nan(engine: DuckEngine) -> None:
    """Numbers stay numbers; texts are objects."""
    found = engine.frame("SELECT c.key_id, c.orders, c.status FROM contacts AS c ORDER BY c.key_id")

    assert found["key_id"].tolist() == [1, 2]
    assert np.isnan(found["orders"]).tolist() == [True, True]
    assert found["status"].tolist() == ["subscribed", None]


def test_a_frame_above_its_limit_is_refused(engine: DuckEngine) -> None:
    """Four rows where three are allowed."""
    sql = "SELECT t.key_id FROM touchpoints AS t"

    assert len(engine.frame(sql, limit=4)["key_id"]) == 4
    with pytest.raises(DataError, match="more than 3 rows"):
        engine.frame(sql, limit=3)


def test_a_derived_table_is_kept_and_found_again(engine: DuckEngine, store: Any) -> None:
    """The same question writes nothing; another parameter, or another table before it, another file."""
    sql = "-- What is picked.\nSELECT t.key_id FROM touchpoints AS t WHERE t.key_id < :below"
    derived = store.path.with_suffix(".mirror") / "derived-g1"

    assert (engine.has("picked"), engine.write(sql, {"below": 3}, "picked"), engine.has("picked")) == (False, 2, True)
    first = {path.name: path.stat().st_mtime_ns for path in derived.iterdir()}
    assert engine.write(sql, {"below": 3}, "picked") == 2
    assert {path.name: path.stat().st_mtime_ns for path in derived.iterdir()} == first
    assert engine.write("SELECT count(*) AS n FROM picked AS s", None, "counted") == 1
    assert engine.write(sql, {"below": 4}, "picked") == 3
    engine.write("SELECT count(*) AS n FROM picked AS s", None, "counted")
    assert engine.rows("SELECT c.n FROM counted AS c") == [{"n": 3}]
    assert len(list(derived.iterdir())) == 4


def test_a_second_engine_finds_what_the_first_derived(engine: DuckEngine, store: Any) -> None:
    """By what was asked, not by who asked."""
    engine.write("SELECT 1 AS one", None, "kept")
    path = next((store.path.with_suffix(".mirror") / "derived-g1").iterdir())
    before = path.stat().st_mtime_ns

    other = open_engine(store.path)
    assert other.write("SELECT 1 AS one", None, "kept") == 1
    other.close()

    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("links", [True, False])
def test_what_another_engine_derived_meanwhile_is_not_replaced_under_its_readers(
    engine: DuckEngine, store: Any, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    query, put, others = "SELECT * FROM range(10) AS t(n)", duck._put, list[Any]()

    def kept() -> dict[Path, int]:
        return {path: path.stat().st_ino for path in engine._derived.glob("*.parquet")}

    def refused(*_: Any) -> None:
        raise PermissionError

    def putting(temporary: Path, path: Path) -> None:
        if not others:  # another engine begins later and is done sooner
            others.append(open_engine(store.path))
            others[0].write(query, {}, "tens")
            others.append(kept())
        put(temporary, path)

    monkeypatch.setattr(duck, "_put", putting)
    if not links:
        monkeypatch.setattr("os.link", refused)

    assert engine.write(query, {}, "tens") == 10
    others[0].close()
    assert len(others[1]) == 1
    assert kept() == others[1]
    assert list(engine._derived.glob("*.tmp")) == []


def test_a_derived_table_is_not_made_from_itself(engine: DuckEngine) -> None:
    """A part of a query may bear the name of the table that it is kept as: asked again, nothing is computed."""
    sql = "WITH sums AS (SELECT 1 AS one) SELECT s.one FROM sums AS s"

    engine.write(sql, None, "sums")
    kept = {path: path.stat().st_mtime_ns for path in engine._derived.iterdir()}
    engine.write(sql, None, "sums")

    assert {path: path.stat().st_mtime_ns for path in engine._derived.iterdir()} == kept


def test_a_derived_table_follows_the_store(engine: DuckEngine, store: Any) -> None:
    """After a refresh it is computed anew."""
    sql = "SELECT t.key_id FROM touchpoints AS t"
    assert engine.write(sql, None, "seen") == 4
    store.click(9, 1)

    fresh = open_engine(store.path)
    assert fresh.write(sql, None, "seen") == 5
    fresh.close()


def test_the_stores_own_tables_cannot_be_overwritten(engine: DuckEngine) -> None:
    """A derived table needs a name of its own."""
    with pytest.raises(DataError, match="'touchpoints' is a table of the store"):
        engine.write("SELECT 1 AS one", None, "touchpoints")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        "COPY (SELECT 1) TO '{outside}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "ATTACH '{outside}' AS other",
    ],
)
def test_the_engine_reaches_nothing_but_the_mirror(engine: DuckEngine, tmp_path: Path, sql: str) -> None:
    """No file outside, no network, no extension, and no way to open them again."""
    with pytest.raises(DataError, match="a query failed"):
        engine.rows(sql.format(outside=tmp_path / "outside.db"))
    assert not (tmp_path / "outside.db").exists()


def test_many_threads_may_ask_one_engine(engine: DuckEngine) -> None:
    """As a server does."""
    found: list[int] = []

    def ask(number: int) -> None:
        for _ in range(5):
            found.append(engine.rows("SELECT count(*) + :n AS n FROM touchpoints AS t", {"n": number})[0]["n"] - number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [4] * 20


def test_a_quote_in_a_folders_name_does_no_harm(new_store: Any, tmp_path: Path) -> None:
    """Paths are quoted."""
    (tmp_path / "Ann's shop").mkdir()
    store = new_store("Ann's shop/store.sqlite")
    store.contact(1)

    engine = open_engine(store.path)
    assert engine.write("SELECT c.key_id FROM contacts AS c", None, "kept") == 1
    engine.close()


def test_engines_are_chosen_by_name(store: Any) -> None:
    """Duckdb comes with persync; others are handed in; a misspelt one is refused with the nearest."""
    made: list[Path] = []
    mine = EngineType("mine", "A test's own.", made.append)  # type: ignore[arg-type]
    offered = {engine.name: engine for engine in (*persync_engines(), mine)}

    open_engine(store.path, "mine", engines=offered)

    assert made == [mirror.mirror_folder(store.path)]
    with pytest.raises(ConfigError, match="Did you mean 'duckdb'"):
        open_engine(store.path, "duckbd")


def test_an_engine_needs_a_mirror(tmp_path: Path) -> None:
    """An empty folder is none."""
    with pytest.raises(DataError, match="there is no mirror"):
        DuckEngine(tmp_path)


def test_parameters_are_renamed_where_they_stand() -> None:
    """Not inside strings, quoted names, comments or longer names."""
    sql = "SELECT ':a', \":a\", :a, :ab, x::a -- :a\n"

    assert texts.names(sql) == {"a", "ab"}
    assert texts.rename(sql, {"a": "$1"}) == "SELECT ':a', \":a\", $1, :ab, x::a -- :a\n"
