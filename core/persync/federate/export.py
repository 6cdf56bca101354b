"""One store's export: gathered, folded and, where it is asked for, with noise that its budget pays for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

from persync import __version__
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.errors import ConfigError, nearest
from persync.federate import gather, within
from persync.federate.document import AMOUNTS, FEWEST, ONCE, Cell, Export, Noise, Table
from persync.measure import attributes
from persync.measure.metric import Ask
from persync.privacy.release import Below, geometric
from persync.store.store import Store

NAMED: Final = "federate", "store"
"""what is hashed with the store's key to name the store"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be given away: sets of measures and attributes (none named = all), and the noise."""

    sets: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    epsilon: Decimal | None = None
    clip_events: int = 20
    clip_minor: Mapping[str, int] = field(default_factory=dict)


def store_id(store: Store) -> str:
    """Return what names a store in its exports: a keyed hash, the same each time; it cannot be turned back."""
    return store.key.name(*NAMED)


def export(engine: Engine, store: str, ask: Ask, wish: Wish) -> Export:
    """Return what a store gives away, exact. `store` is its `store_id`.

    Cells are folded below `suppress_n` people, and always below `FEWEST`: who may see small groups of their own store may not
    hand them on.

    With an epsilon in `wish`, every person counts for as much as the clips say, and what the noise cannot cover is left out:
    call `noisy` then. Raise ConfigError for an unknown set, DataError for an unknown attribute or a store of too few people.
    """
    for name in wish.sets:
        if name not in gather.SETS:
            raise ConfigError(f"there is no set of measures '{name}'.", hint=nearest(name, gather.SETS))
    sets = [name for name in gather.SETS if not wish.sets or name in wish.sets]
    floor = max(FEWEST, ask.suppress_n)
    build_orders(engine)
    names, withheld = gather.attributes_of(engine, wish.attributes)
    caps = gather.Caps()
    if wish.epsilon is not None:
        caps = gather.Caps(wish.clip_events, wish.clip_minor)
        if "money" in sets and (lacking := [one for one in gather.currencies(engine) if one not in wish.clip_minor]):
            raise ConfigError(
                f"noise on money needs to know how much of one person's counts at most: {', '.join(lacking)} has no bound.",
                hint=f"Set [privacy] clip_minor = {{ {lacking[0]} = 20000 }} (minor units), or leave money out: --only mail.",
            )
        withheld += [f"{name}: noise would make its tests untrue" for name in sets if name in ("rates", "experiments")]
        sets = [name for name in sets if name in ("mail", "money")]
    # Who is in a small group must not be told by its money either, so the people are looked at whatever is asked for.
    tables, gone = gather.mail_tables(engine, ask, names, floor, caps)
    people = tables[0].total["people"]
    if "mail" not in sets:
        tables = []
    else:
        tables, secret = gather.with_levels(engine, ask, tables, floor)
        withheld += secret
    if "money" in sets:
        money, secret = gather.money_tables(engine, ask, names, floor, caps, gone)
        tables, withheld = tables + money, withheld + secret
    rates, secret = gather.rate_sums(engine, ask, floor) if "rates" in sets else ({}, [])
    withheld += secret
    payers = {table.currency: table.total["payers"] for table in tables if table.family == "money" and not table.attribute}
    read, secret = gather.experiment_sums(engine, ask, floor, people, payers) if "experiments" in sets else ([], [])
    return Export(
        persync=__version__,
        store=store,
        made_at=ask.now,
        period=ask.period,
        timezone=ask.timezone,
        basis=_basis(ask),
        floor=floor,
        sets=tuple(sets),
        attributes=tuple(attributes.values(engine)),
        tables=tuple(map(untold, tables) if wish.epsilon is not None else (within.given(one, floor) for one in tables)),
        rates=rates,
        experiments=tuple(read),
        withheld=(*withheld, *secret),
    )


def untold(table: Table) -> Table:
    """Return a table that noise is to cover: every number of it is given away, but not of how many payers an amount is."""
    groups = {name: within.bare(cell) for name, cell in table.groups.items()}
    rest = within.bare(table.suppressed) if table.suppressed is not None else None
    return table.model_copy(update={"total": within.bare(table.total), "groups": groups, "suppressed": rest})


def noisy(exact: Export, wish: Wish, below: Below) -> Export:
    """Return an export with two-sided geometric noise on every number.

    Each person has a share in one cell of each measure of each table, so the epsilon is split evenly over these; a table's
    total is the sum of its cells as they came out. Two stores that differ in one person are told apart by exp(epsilon) at
    most, as far as the numbers go; which cells are folded is decided on the true counts.
    """
    assert wish.epsilon is not None
    parts = sum(len(_released(table)) for table in exact.tables)
    minor = {table.currency: wish.clip_minor[table.currency] for table in exact.tables if table.currency}
    noise = Noise(epsilon=f"{wish.epsilon.normalize():f}", parts=max(1, parts), clip_events=wish.clip_events, clip_minor=minor)

    def cell(table: Table, exact: Cell) -> Cell:
        return {name: exact[name] + geometric(scale(noise, name, table.currency), below) for name in _released(table)}

    tables = []
    for table in exact.tables:
        if not table.attribute:
            tables.append(table.model_copy(update={"total": cell(table, table.total)}))
            continue
        groups = {name: cell(table, one) for name, one in table.groups.items()}
        rest = cell(table, table.suppressed) if table.suppressed is not None else None
        cells = [*groups.values(), *([rest] if rest is not None else [])]
        total = {name: sum(one[name] for one in cells) for name in _released(table)}
        tables.append(table.model_copy(update={"total": total, "groups": groups, "suppressed": rest}))
    return exact.model_copy(update={"tables": tuple(tables), "noise": noise})


def scale(noise: Noise, measure: str, currency: str = "") -> Fraction:
    """Return the scale of the noise of one number: what a person changes in it at most, over its part of the epsilon."""
    size = noise.clip_minor[currency] if measure in AMOUNTS else 1 if measure in ONCE else noise.clip_events
    return Fraction(size * noise.parts) / Fraction(noise.epsilon)


def _released(table: Table) -> Sequence[str]:
    return [name for name in table.total if name != "squares"]


def _basis(ask: Ask) -> Literal["net", "gross"]:
    return "gross" if ask.basis == "gross" else "net"
