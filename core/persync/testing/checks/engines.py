"""Checks of an engine: it answers as DuckDB does, over a made-up shop, and says in persync's words what it cannot."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any, Final

from persync.attribution import ledger
from persync.attribution.models import MODELS
from persync.engine import open_engine
from persync.engine.engine import Engine
from persync.errors import ConfigError, DataError, PersyncError
from persync.testing.checks.check import NotTriedError, expect, listed, many
from persync.testing.shop import Shop, ShopCheck

DEVELOPING: Final = re.compile(r"extra == ['\"](dev|test|tests|docs|lint)['\"]")
"""extras that no user installs"""
OPTIONS: Final = frozenset({"master", "stores"})
ANSWERS: Final[tuple[tuple[str, str, Mapping[str, Any]], ...]] = (
    (
        "sums",
        "SELECT l.currency AS currency, COUNT(*) AS entries, CAST(SUM(l.amount_minor) AS BIGINT) AS minor"
        " FROM order_ledger AS l GROUP BY l.currency ORDER BY l.currency",
        {},
    ),
    (
        "text and nulls",
        "SELECT x.word AS word, x.number AS number FROM (SELECT 'zwölf – 日' AS word, CAST(NULL AS BIGINT) AS number"
        " UNION ALL SELECT '' AS word, CAST(7 AS BIGINT) AS number) AS x ORDER BY x.word",
        {},
    ),
    ("doubles", "SELECT 1e0 / 3e0 AS third, FLOOR(-2.5e0) AS down, POWER(0.5e0, 3e0) AS eighth", {}),
    (
        "whole numbers",
        "SELECT div(CAST(9007199254740993 AS BIGINT), CAST(2 AS BIGINT)) AS half, MOD(17, 5) AS rest,"
        " CAST(CAST(9007199254740993 AS DECIMAL(38, 0)) * 3 AS BIGINT) AS thrice",
        {},
    ),
    (
        "windows",
        "WITH x AS (SELECT o.order_key AS k, o.ordered_at AS t FROM orders AS o)"
        " SELECT x.k AS k, ROW_NUMBER() OVER (ORDER BY x.t, x.k) AS place,"
        " SUM(x.k) OVER (ORDER BY x.t, x.k ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS so_far"
        " FROM x ORDER BY x.t, x.k",
        {},
    ),
    (
        "parameters",
        "SELECT COUNT(*) AS n FROM orders AS o WHERE o.ordered_at >= :since AND o.status <> :word AND :share < 1e0",
        {"since": 0, "word": "it's", "share": 0.5},
    ),
    ("nothing", "SELECT o.order_key AS k FROM orders AS o WHERE 1 = 0", {}),
)
WRONG: Final[tuple[tuple[str, str, Mapping[str, Any]], ...]] = (
    ("a table that there is not", "SELECT x.a FROM no_such_table AS x", {}),
    ("a column that there is not", "SELECT o.no_such_column FROM orders AS o", {}),
    ("no SQL", "SELECT FROM WHERE", {}),
    ("a parameter without a value", "SELECT :gone AS a", {}),
)
LEDGER: Final = "SELECT c.* FROM credit_ledger AS c ORDER BY c.order_id, c.currency, c.event_number, c.position, c.reason"
DERIVED: Final = "SELECT o.order_key AS k, o.ordered_at AS t FROM orders AS o"


@contextmanager
def _opened(shop: Shop, name: str) -> Iterator[Engine]:
    """Open the engine over the shop. Raise NotTriedError when it says what it needs and that is not there."""
    try:
        engine = open_engine(shop.project.store_path, name, engines=shop.host.engines)
    except ConfigError as error:
        raise NotTriedError(str(error)) from None
    try:
        yield engine
    finally:
        engine.close()


def says(shop: Shop, name: str) -> str:
    """Look at what it declares."""
    one = shop.host.engines[name]
    expect(bool(one.summary.strip()), "it has no summary.")
    odd = sorted(set(one.options) - OPTIONS)
    expect(not odd, f"the command line has no option {listed(odd)}: there are {listed(sorted(OPTIONS))}.")
    return one.summary


def extras(shop: Shop, name: str) -> str:
    """Open it as where what its extras install is not there: it says what to install."""
    owner = shop.host.owner("engines", name)
    try:
        listed_there = requires(owner.distribution) or () if owner and owner.distribution else ()
        wanted = [line for line in listed_there if "extra ==" in line and not DEVELOPING.search(line)]
    except PackageNotFoundError:
        wanted = []
    names = {line.split(";")[0].split("[")[0].strip().split(">")[0].split("=")[0].split("<")[0].strip() for line in wanted}
    modules = [module for module, of in packages_distributions().items() if names & set(of)]
    hidden = {module: sys.modules.get(module) for module in modules}
    own = {name for name in sys.modules if name.split(".")[0] in ("persync", "duckdb", "numpy", "pyarrow")}
    try:
        sys.modules.update({module: None for module in modules if module not in own})  # type: ignore[misc]
        with _opened(shop, name):
            return "it opens without any"
    except NotTriedError as told:
        expect("install" in str(told), f"it says not what to install: {told}")
        return str(told)
    except ImportError as error:
        raise AssertionError(f"without its extra it ends with {type(error).__name__}: say what to install.") from None
    finally:
        for module, before in hidden.items():
            if before is None:
                sys.modules.pop(module, None)
            else:
                sys.modules[module] = before


def no_mirror(shop: Shop, name: str) -> str:
    """Open it over a folder that holds nothing."""
    with tempfile.TemporaryDirectory(prefix="persync-") as folder:
        try:
            shop.host.engines[name].open(Path(folder)).close()
        except PersyncError as error:
            expect("\n" not in str(error), "the refusal has more than one line.")
            return str(error).replace(folder, "FOLDER")
    raise AssertionError("a folder without a mirror is opened without a word.")


def answers(shop: Shop, name: str) -> str:
    """Ask what persync's SQL is made of."""
    with _opened(shop, name) as engine:
        for what, sql, params in ANSWERS:
            found, expected = engine.rows(sql, params), shop.engine.rows(sql, params)
            expect(found == expected, f"{what}: it answers {str(found)[:200]}, DuckDB {str(expected)[:200]}.")
    return listed(what for what, _, _ in ANSWERS)


def frames(shop: Shop, name: str) -> str:
    """Ask for columns, and for more of them than are allowed."""
    import numpy as np

    sql = "SELECT o.order_key AS k, o.total_minor AS minor FROM orders AS o ORDER BY o.order_key"
    with _opened(shop, name) as engine:
        found, expected = engine.frame(sql), shop.engine.frame(sql)
        expect(list(found) == list(expected), f"its columns are {listed(found)}, those of DuckDB {listed(expected)}.")
        for column, values in expected.items():
            same = np.array_equal(np.asarray(found[column], np.float64), np.asarray(values, np.float64), equal_nan=True)
            expect(same, f"the column '{column}' differs from DuckDB's.")
        try:
            engine.frame(sql, limit=1)
        except DataError:
            return many(len(next(iter(expected.values()))), "row")
    raise AssertionError("more rows than the limit are returned: raise DataError.")


def writes(shop: Shop, name: str) -> str:
    """Keep a derived table, another in its place, and one that bears the name of the mirror's own."""
    with _opened(shop, name) as engine:
        expect(not engine.has("kept_by_check"), "it has a table that nobody has written.")
        count = engine.write(DERIVED, {}, "kept_by_check")
        expect(count == len(shop.engine.rows(DERIVED)), f"it says that {count} rows were written.")
        engine.write(f"{DERIVED} WHERE o.order_key < :most", {"most": 3}, "kept_by_check")
        found = engine.rows("SELECT COUNT(*) AS n FROM kept_by_check AS d")[0]["n"]
        expected = shop.engine.rows("SELECT COUNT(*) AS n FROM orders AS o WHERE o.order_key < 3")[0]["n"]
        expect(found == expected, "a table that is written anew holds the old rows.")
        expect(engine.has("kept_by_check") and engine.has("orders"), "it does not know the tables that it has.")
        try:
            engine.write(DERIVED, {}, "orders")
        except PersyncError:
            return many(count, "row")
    raise AssertionError("a derived table takes the place of one of the mirror's.")


def refuses(shop: Shop, name: str) -> str:
    """Ask what cannot be answered."""
    with _opened(shop, name) as engine:
        for what, sql, params in WRONG:
            try:
                engine.rows(sql, params)
            except PersyncError as error:
                expect("\n" not in str(error), f"{what}: the refusal has more than one line.")
            except Exception as error:
                raise AssertionError(f"{what} ends with {type(error).__name__}: raise DataError.") from None
            else:
                raise AssertionError(f"{what} is answered.")
    return listed(what for what, _, _ in WRONG)


def same_ledger(shop: Shop, name: str) -> str:
    """Write the ledger of every rule."""
    with _opened(shop, name) as engine:
        for one in (shop.engine, engine):
            ledger.build(one, MODELS, shop.ask)
        found, expected = engine.rows(LEDGER), shop.engine.rows(LEDGER)
    expect(found == expected, "the ledger differs from DuckDB's.")
    return many(len(found), "row")


ENGINE: Final = (
    ShopCheck("says", "its summary is told, and its options are the command line's", says),
    ShopCheck("extras", "without what it needs it says what to install", extras),
    ShopCheck("no mirror", "a folder without a mirror is refused", no_mirror),
    ShopCheck("answers", "it answers as DuckDB does", answers),
    ShopCheck("frames", "so do its columns, and too many rows are refused", frames),
    ShopCheck("writes", "derived tables are kept and replaced, and the mirror's stay", writes),
    ShopCheck("refuses", "what cannot be answered is refused in one line", refuses),
    ShopCheck("ledger", "the ledger of every rule is the same, row by row", same_ledger),
)
