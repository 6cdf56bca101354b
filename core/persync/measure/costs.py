"""What the programme cost: entered by the user, spread over the months it serves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from persync.attribution import currency as money
from persync.engine.engine import Engine
from persync.measure.metric import Ask

CATEGORIES: Final = ("tool", "content", "labour", "setup", "data", "discount")
"""What a programme can cost; those without an entry are named, so that a "free" programme is seen to be uncosted."""


NO_COST: Final = "no_cost"
NOT_A_COST: Final = "not_a_cost"
"""What was entered adds up to nothing or less: nothing can be divided by it."""
NO_COST_HERE: Final = "no_cost_in_period"
"""There are costs, but none for what is asked in these days."""


class CostEntry(NamedTuple):
    """The part of one cost that falls into the period."""

    category: str
    scope: str
    amount_minor: int
    currency: str
    turned: bool = False
    """whether it was entered in another currency"""


def months_later(at: int, months: int) -> int:
    """Return the same moment `months` calendar months later (UTC), on the month's last day where it is shorter."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    for day in range(moment.day, 0, -1):
        try:
            return round(moment.replace(year=year, month=month + 1, day=day).timestamp() * 1000)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")


def instalments(amount_minor: int, months: int) -> list[int]:
    """Split an amount into equal monthly parts that add up to it exactly."""
    return [amount_minor * (i + 1) // months - amount_minor * i // months for i in range(months)]


class Turned(NamedTuple):
    """An amount in the reporting currency, or as it was where there is no rate for its day."""

    minor: int
    currency: str
    turned: bool


def into_reporting(minor: int, currency: str, at: int, ask: Ask) -> Turned:
    """Turn an amount into the reporting currency at the rate of its day, as credit is; without a reporting currency, or a
    rate, it stays as it is, and is then never added to others."""
    if not ask.currency or currency == ask.currency:
        return Turned(minor, currency, False)
    try:
        day = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(ask.timezone)).date()
    except (OverflowError, ValueError, OSError):  # a date beyond the calendar
        return Turned(minor, currency, False)
    rate = money.rate_e12(currency, ask.currency, day, ask.rates)
    return Turned(minor, currency, False) if rate is None else Turned(money.converted(minor, rate), ask.currency, True)


def scopes(engine: Engine) -> set[str]:
    """Return what the costs in the store are for: names, "" for everything; empty when there is none at all."""
    return {str(row["scope"] or "") for row in engine.rows("SELECT DISTINCT c.scope AS scope FROM costs AS c")}


def entries(engine: Engine, ask: Ask, *, whenever: str = "") -> list[CostEntry]:
    """Return the costs of the period. An amortised one counts one instalment a month from its date on.

    Amounts in other currencies are turned into the reporting one at the rate of the day they were spent, where there is one.
    What is dated after now is not spent yet. What is not amortised and has the scope `whenever` counts whatever its date: it
    serves that thing and nothing else, once it is spent.
    """
    from_at, to_at = ask.period or (-(2**62), 2**62)
    out = []
    for row in engine.rows(
        "SELECT c.happened_at AS happened_at, c.category AS category, c.amount_minor AS amount_minor, c.currency AS currency,"
        " c.scope AS scope, c.amortise_months AS months FROM costs AS c ORDER BY c.connection, c.entry"
    ):
        months = max(1, int(row["months"]))
        amount = into_reporting(int(row["amount_minor"]), str(row["currency"]), int(row["happened_at"]), ask)
        parts = instalments(amount.minor, months)
        dates = [months_later(int(row["happened_at"]), i) if i else int(row["happened_at"]) for i in range(months)]
        always = bool(whenever) and row["scope"] == whenever and months == 1
        within = [part for part, at in zip(parts, dates, strict=True) if at <= ask.now and (always or from_at <= at < to_at)]
        if within:
            out.append(CostEntry(str(row["category"]), str(row["scope"]), sum(within), amount.currency, amount.turned))
    return out
