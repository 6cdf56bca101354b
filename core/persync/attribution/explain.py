"""How the credit of one order came about: every touch of its people, counted or not and why, and what each model gave it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from persync.attribution import journeys, ledger
from persync.attribution.datadriven import prepared
from persync.attribution.models import AttributionModel
from persync.engine.engine import Engine
from persync.errors import AmbiguousError, DataError, NotFoundError
from persync.redact import redacted

if TYPE_CHECKING:
    from persync.measure.metric import Ask

REASONS: Final = {
    "machine": "the vendor says a machine did it",
    "scanner": "too fast for a person: a scanner followed the links",
    "unsubscribe": "a click to unsubscribe",
    "same_click": "one touch seen by two systems: the other record stands for it",
    "kind_not_counted": "touches of this kind do not count",
    "after_order": "after the order",
    "too_old": "older than the look-back",
    "before_previous_order": "before the previous order",
    "email_rule": "no touch by these settings; only the e-mail rule sees it",
}
"""Why a touch does not count."""
_KIND_OF: Final = {1: "send", 3: "open", 4: "click", 9: "visit"}


@dataclass(frozen=True, slots=True)
class Share:
    """What a model gave a touch: its raw weight, its share of the order, and the money of all events in minor units."""

    weight: float
    share: float
    minor: int


@dataclass(frozen=True, slots=True)
class Touch:
    """A touch of somebody on the order. `position` is 0 and `reason` says why where it does not count."""

    happened_at: int
    kind: str
    channel: str
    seen_by: str
    campaign: str
    age_days: float
    position: int
    reason: str
    shares: Mapping[str, Share] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explained:
    """An order with its touches in time, and by model what no touch holds: (reason, minor units)."""

    name: str
    connection: str
    ordered_at: int | None
    currency: str
    has_person: bool
    events: tuple[tuple[int, int], ...]
    """(when, minor units) of each of the order's events on the asked basis"""
    touches: tuple[Touch, ...]
    rests: Mapping[str, Mapping[str, int]]
    models: tuple[AttributionModel, ...]
    """the models, fitted ones made rules; one with a `reason` has no part in this"""

    @property
    def minor(self) -> int:
        """What all its events come to."""
        return sum(minor for _, minor in self.events)


def find_order(engine: Engine, text: str) -> int:
    """Return the order that a vendor id, a name like #1001 or CONNECTION:ID means. Raise NotFoundError for none, AmbiguousError
    for several."""
    if not text.rpartition(":")[2].strip("# "):
        raise NotFoundError("no order is named.", hint="Write its id, its name as in #1001, or CONNECTION:ID.")
    found = engine.rows(
        "SELECT DISTINCT f.order_id, n.name, k.vendor_order_id FROM order_keys AS k"
        " JOIN order_of AS f ON f.order_key = k.order_key LEFT JOIN connections AS n ON n.connection = k.connection"
        " WHERE k.vendor_order_id = :text OR k.shop_order_name = :text OR k.shop_order_name = :hashed"
        " OR n.name || ':' || k.vendor_order_id = :text OR n.name || ':' || k.shop_order_name = :text"
        " ORDER BY n.name, k.vendor_order_id",
        {"text": text, "hashed": f"#{text}"},
    )
    orders = {row["order_id"] for row in found}
    if not orders:
        raise NotFoundError(f"there is no order '{text}'.", hint="Write its id, its name as in #1001, or CONNECTION:ID.")
    if len(orders) > 1:
        names = ", ".join(f"{row['name']}:{row['vendor_order_id']}" for row in found[:5])
        raise AmbiguousError(f"'{text}' names {len(orders)} orders.", hint=f"Write one of {names}.")
    return int(orders.pop())


def orders_of(engine: Engine, key_ids: Sequence[int]) -> list[int]:
    """Return the orders whose money counts and that any of the keys is on, the first first."""
    if not key_ids:
        return []
    journeys.build_orders(engine)
    keys = ", ".join(str(int(key)) for key in sorted(key_ids))
    rows = engine.rows(
        "SELECT DISTINCT m.order_id, m.ordered_at FROM money_orders AS m JOIN order_of AS f ON f.order_id = m.order_id"
        f" JOIN (SELECT o.order_key FROM orders AS o WHERE o.key_id IN ({keys}) UNION"
        f" SELECT x.order_key FROM order_people AS x WHERE x.key_id IN ({keys})) AS k ON k.order_key = f.order_key"
        " ORDER BY m.ordered_at, m.order_id"
    )
    return [int(row["order_id"]) for row in rows]


def explain(engine: Engine, order_id: int, models: Sequence[AttributionModel], ask: Ask) -> Explained:
    """Return how each model shares out an order. Raise DataError for an order whose money does not count, saying why."""
    return explain_all(engine, [order_id], models, ask)[0]


def explain_all(engine: Engine, order_ids: Sequence[int], models: Sequence[AttributionModel], ask: Ask) -> list[Explained]:
    """Return how each model shares out each of some orders, over one ledger. Raises as `explain` does."""
    ready = tuple(prepared(engine, models, ask))
    usable = [model for model in ready if not model.reason]
    if not usable:
        said = ready[0].failure or f"{ready[0].reason.replace('_', ' ')}." if ready else ""
        raise DataError(f"none of these models can be used: {said}" if ready else "no model.")
    ledger.build(engine, usable, ask)
    weighed = ledger.unfaded(engine, usable)
    return [_explained(engine, order_id, ready, weighed, ask) for order_id in order_ids]


def _explained(
    engine: Engine, order_id: int, ready: tuple[AttributionModel, ...], usable: Sequence[AttributionModel], ask: Ask
) -> Explained:
    one = {"order_id": order_id}
    found = engine.rows(
        "SELECT m.ordered_at, m.currency, COALESCE(n.name, '') AS connection,"
        " COALESCE(NULLIF(k.shop_order_name, ''), k.vendor_order_id) AS name FROM money_orders AS m"
        " JOIN order_keys AS k ON k.order_key = m.order_key"
        " LEFT JOIN connections AS n ON n.connection = m.connection WHERE m.order_id = :order_id",
        one,
    )
    people = engine.rows(
        "SELECT COUNT(*) AS n FROM order_of AS f JOIN (SELECT o.order_key FROM orders AS o WHERE o.key_id IS NOT NULL UNION"
        " SELECT x.order_key FROM order_people AS x) AS k ON k.order_key = f.order_key WHERE f.order_id = :order_id",
        one,
    )
    if not found:
        raise DataError(_why_not(engine, order_id))
    order = found[0]
    events = engine.rows(
        "SELECT e.event_at, e.amount_minor, e.currency FROM ledger_events AS e WHERE e.order_id = :order_id"
        " ORDER BY e.event_number",
        one,
    )
    if len({row["currency"] for row in events}) > 1:
        raise DataError("the order's money is in several currencies.", hint="Choose one with --currency.")
    touches, rests = _shares(engine, usable, one)
    seen = journeys.order_touches(engine, order_id)
    since = _since(engine, order_id, ask)
    return Explained(
        name=redacted(str(order["name"])),
        connection=str(order["connection"]),
        ordered_at=order["ordered_at"],
        currency=str(events[0]["currency"] if events else order["currency"] or ""),
        has_person=bool(people[0]["n"]),
        events=tuple((int(row["event_at"]), int(row["amount_minor"])) for row in events),
        touches=tuple(_touch(row, order["ordered_at"], since, touches, ask) for row in seen),
        rests=rests,
        models=ready,
    )


def _since(engine: Engine, order_id: int, ask: Ask) -> int | None:
    if ask.path != "since_last_order":
        return None
    found = engine.rows("SELECT p.since_at FROM previous_orders AS p WHERE p.order_id = :order_id", {"order_id": order_id})
    return int(found[0]["since_at"]) if found else None


_Known = dict[tuple[Any, ...], list[tuple[int, int, dict[str, Share]]]]
_Rests = dict[str, dict[str, int]]


def _shares(engine: Engine, models: Sequence[AttributionModel], one: dict[str, int]) -> tuple[_Known, _Rests]:
    """Return the journey's touches by what tells them apart, each with (is_touch, position, shares), and the rests."""
    weights, params = ledger.weights(models)
    rows = engine.rows(
        "SELECT j.key_id, j.connection, j.campaign_key, j.action, j.happened_at, j.link_id, j.is_touch, j.position, j.word,"
        f" {', '.join(weights)} FROM journeys AS j WHERE j.order_id = :order_id ORDER BY j.is_touch DESC, j.position",
        {**params, **one},
    )
    names = [model.name for model in models]
    sums = ", ".join(f"CAST(SUM(c.{name}) AS BIGINT) AS {name}" for name in names)
    paid = engine.rows(
        f"SELECT c.position, c.reason, {sums} FROM credit_ledger AS c WHERE c.order_id = :order_id"
        " GROUP BY c.position, c.reason",
        one,
    )
    money = {row["position"]: row for row in paid if row["reason"] == ""}
    rests: _Rests = {name: {} for name in names}
    for row in paid:
        for name in names:
            if row["reason"] and row[name]:
                rests[name][row["reason"]] = int(row[name])
    totals = [sum(row[f"w{i}"] for row in rows) for i in range(len(models))]
    known: _Known = defaultdict(list)
    for row in rows:
        shares = {}
        for i, model in enumerate(models):
            whole = totals[i] if model.sums_to == "order" else row[f"w{i}"]
            part = (row[f"w{i}"] / whole if whole else 0.0) * (1 - model.baseline.get(row["word"], 0.0))
            earned = int(money[row["position"]][model.name]) if row["position"] in money else 0
            shares[model.name] = Share(float(row[f"w{i}"]), part, earned)
        key = tuple(row[name] for name in ("key_id", "connection", "campaign_key", "action", "happened_at", "link_id"))
        known[key].append((row["is_touch"], row["position"], shares))
    return known, rests


def _touch(row: Mapping[str, Any], ordered_at: int | None, since: int | None, known: _Known, ask: Ask) -> Touch:
    key = tuple(row[name] for name in ("key_id", "connection", "campaign_key", "action", "happened_at", "link_id"))
    counted, position = 0, 0
    shares: dict[str, Share] = {}
    kind = "direct" if row["channel"] == "direct" and row["action"] in (4, 9) else _KIND_OF[row["action"]]
    if not row["odd"] and known.get(key):
        counted, position, shares = known[key].pop(0)
    reason = "" if counted else "email_rule" if shares else _reason(row, kind, ordered_at, since, ask)
    return Touch(
        happened_at=row["happened_at"],
        kind=kind,
        channel=redacted(row["channel"]),
        seen_by=row["seen_by"],
        campaign=redacted(row["campaign"]),
        age_days=0.0 if ordered_at is None else (ordered_at - row["happened_at"]) / journeys.DAY_MS,
        position=position,
        reason=reason,
        shares=shares,
    )


def _reason(row: Mapping[str, Any], kind: str, ordered_at: int | None, since: int | None, ask: Ask) -> str:
    """Return why a touch is not in the journey: what it is first, then when it was, then that it is there already."""
    days = journeys.windows(ask)
    if row["odd"] and row["odd"] != "same_click":
        return str(row["odd"])
    if kind not in days:
        return "kind_not_counted"
    if ordered_at is None or row["happened_at"] > ordered_at:
        return "after_order"
    if ordered_at - row["happened_at"] > round(days[kind] * journeys.DAY_MS):
        return "too_old"
    if since is not None and row["happened_at"] <= since:
        return "before_previous_order"
    if row["odd"]:
        return str(row["odd"])
    raise DataError("a touch is in no journey and nothing says why; the mirror is not whole.", hint="Run `persync verify`.")


def _why_not(engine: Engine, order_id: int) -> str:
    rows = engine.rows(
        "SELECT o.is_test, o.status, o.kind, f.is_money_source FROM order_of AS f LEFT JOIN orders AS o"
        " ON o.order_key = f.order_key WHERE f.order_id = :order_id ORDER BY f.is_money_source DESC, f.order_key",
        {"order_id": order_id},
    )
    row = next((row for row in rows if row["is_money_source"] == 1), None)
    if row is None:
        return "the order is not credited: no system is known that its money could be taken from."
    if row["is_test"] == 1:
        return "the order is not credited: it is a test order."
    if row["status"] == "deleted":
        return "the order is not credited: its seller deleted it."
    if row["kind"] == "deal":
        return f"the deal is not credited: it is {row['status'] or 'open'}, and only won deals are."
    return "the order is not credited: the store has its key and nothing else of it."
