"""What became of a message: to whom it went, what they did with it, and what they bought after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from persync.attribution import journeys
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.redact import redacted
from persync.rows import Action

if TYPE_CHECKING:
    from persync.measure.metric import Ask


@dataclass(frozen=True, slots=True)
class Event:
    """A send, or what followed it. `odd` says why a person did not do it, or that another record of it stands for both."""

    key_id: int
    happened_at: int
    kind: str
    variant: str
    level: int | None
    """only where this very send is known to differ from its campaign"""
    seen_by: str
    link: str
    odd: str


@dataclass(frozen=True, slots=True)
class Done:
    """How often something was done with a message, and by how many people."""

    kind: str
    odd: str
    times: int
    people: int


@dataclass(frozen=True, slots=True)
class OrderAfter:
    """An order that a receiver placed after a send. `minor` is its net in minor units, None where no ledger is known."""

    name: str
    connection: str
    ordered_at: int
    days: float
    minor: int | None
    currency: str
    is_clicked: bool
    """the message was clicked between its send and the order"""


@dataclass(frozen=True, slots=True)
class Takings:
    """Orders of receivers after a send in one currency, net in minor units; `clicked` of them after a click."""

    currency: str
    orders: int
    clicked: int
    minor: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as one person (`events`, `orders`) or as all its receivers (`done`, `takings`) had it."""

    window_days: float
    events: tuple[Event, ...] = ()
    orders: tuple[OrderAfter, ...] = ()
    done: tuple[Done, ...] = ()
    takings: tuple[Takings, ...] = ()


def explain_send(engine: Engine, campaign_key: int, ask: Ask, key_ids: Sequence[int] | None = None) -> Sent:
    """Return what became of a message; with `key_ids`, all keys of one person, as that person had it."""
    days = journeys.windows(ask).get("click", ask.lookback_days)
    journeys.build_orders(engine)
    journeys.build_touches(engine)
    whose = "" if key_ids is None else f"WHERE t.key_id IN ({', '.join(str(int(key)) for key in sorted(key_ids)) or '-1'})"
    text = f"WITH {load('sends', journeys.PACKAGE).replace('/*whose*/', whose)}"
    params = {"campaign": campaign_key, "window_ms": round(days * journeys.DAY_MS)}
    if key_ids is None:
        return Sent(days, done=_done(engine, text, params), takings=_takings(engine, text, params))
    return Sent(days, events=_events(engine, text, params), orders=_orders(engine, text, params))


def _events(engine: Engine, text: str, params: dict[str, int]) -> tuple[Event, ...]:
    rows = engine.rows(
        f"{text} SELECT s.* FROM seen AS s ORDER BY s.happened_at, s.action, s.seen_by, s.link, s.ordinal", params
    )
    return tuple(
        Event(
            row["key_id"],
            row["happened_at"],
            Action(row["action"]).name.lower(),
            redacted(row["variant"]),
            row["level"],
            row["seen_by"],
            redacted(row["link"]),
            row["odd"],
        )
        for row in rows
    )


def _orders(engine: Engine, text: str, params: dict[str, int]) -> tuple[OrderAfter, ...]:
    rows = engine.rows(
        f"{text} SELECT COALESCE(NULLIF(k.shop_order_name, ''), k.vendor_order_id) AS name, COALESCE(n.name, '') AS connection,"
        " f.ordered_at, f.sent_at, f.is_clicked, e.minor, COALESCE(e.currency, '') AS currency FROM followed AS f"
        " JOIN order_keys AS k ON k.order_key = f.order_key LEFT JOIN connections AS n ON n.connection = f.connection"
        " LEFT JOIN net AS e ON e.order_key = f.order_key ORDER BY f.ordered_at, f.order_id, e.currency",
        params,
    )
    return tuple(
        OrderAfter(
            redacted(str(row["name"])),
            row["connection"],
            row["ordered_at"],
            (row["ordered_at"] - row["sent_at"]) / journeys.DAY_MS,
            row["minor"],
            row["currency"],
            row["is_clicked"] == 1,
        )
        for row in rows
    )


def _done(engine: Engine, text: str, params: dict[str, int]) -> tuple[Done, ...]:
    rows = engine.rows(
        f"{text} SELECT s.action, s.odd, COUNT(*) AS times, COUNT(DISTINCT s.person) AS people FROM seen AS s"
        " GROUP BY s.action, s.odd ORDER BY s.action, s.odd",
        params,
    )
    return tuple(Done(Action(row["action"]).name.lower(), row["odd"], row["times"], row["people"]) for row in rows)


def _takings(engine: Engine, text: str, params: dict[str, int]) -> tuple[Takings, ...]:
    rows = engine.rows(
        f"{text} SELECT e.currency, COUNT(*) AS orders, CAST(SUM(f.is_clicked) AS BIGINT) AS clicked,"
        " CAST(SUM(e.minor) AS BIGINT) AS minor FROM followed AS f JOIN net AS e ON e.order_key = f.order_key"
        " GROUP BY e.currency ORDER BY e.currency",
        params,
    )
    return tuple(Takings(row["currency"], row["orders"], int(row["clicked"]), int(row["minor"])) for row in rows)
