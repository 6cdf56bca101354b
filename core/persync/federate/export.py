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
from persync.errors import ConfigError, DataError, nearest
from persync.federate import gather, within
from persync.federate.document import AMOUNTS, FEWEST, MEASURES, ONCE, RARE, Cell, Export, Noise, Table
from persync.measure import attributes
from persync.measure.metric import Ask
from persync.privacy.release import Below, geometric, refuse_drowned, spread
from persync.store.store import Store

GIVEN: Final = tuple(dict.fromkeys(name for names in MEASURES.values() for name in names if name != "squares"))
"""the measures that may be given away with noise"""
CLIP_RARE: Final = 1
"""so many complaints, and so many unsubscribes, of one person count at most where noise is to cover them"""
NAMED: Final = "federate", "store"
"""what is hashed with the store's key to name the store"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be given away: sets of measures and attributes (none named = all), and the noise, which the named measures
    alone share."""

    sets: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
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
    call `noisy` then. Raise ConfigError for an unknown set or measure, DataError for an unknown attribute or a store of too few
    people.
    """
    _check_measures(wish)
    for name in wish.sets:
        if name not in gather.SETS:
            raise ConfigError(f"there is no set of measures '{name}'.", hint=nearest(name, gather.SETS))
    asked = {"money" if family == "money" else "mail" for family in MEASURES if {*MEASURES[family]} & {*wish.measures}}
    sets = [name for name in gather.SETS if (not wish.sets or name in wish.sets) and (not asked or name in asked)]
    floor = max(FEWEST, ask.suppress_n)
    build_orders(engine)
    names, withheld = gather.attributes_of(engine, wish.attributes)
    caps = gather.Caps()
    if wish.epsilon is not None:
        caps = gather.Caps(wish.clip_events, min(wish.clip_events, CLIP_RARE), wish.clip_minor)
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
    noise = noise_of(exact, wish)

    def cell(table: Table, exact: Cell) -> Cell:
        return {name: exact[name] + geometric(scale(noise, name, table.currency), below) for name in _released(table, wish)}

    tables = []
    for table in exact.tables:
        if not _released(table, wish):
            continue
        if not table.attribute:
            tables.append(table.model_copy(update={"total": cell(table, table.total)}))
            continue
        groups = {name: cell(table, one) for name, one in table.groups.items()}
        rest = cell(table, table.suppressed) if table.suppressed is not None else None
        cells = [*groups.values(), *([rest] if rest is not None else [])]
        total = {name: sum(one[name] for one in cells) for name in _released(table, wish)}
        tables.append(table.model_copy(update={"total": total, "groups": groups, "suppressed": rest}))
    held = {"money" if table.family == "money" else "mail" for table in tables}
    withheld = (*exact.withheld, *([f"all measures but {', '.join(wish.measures)}: not asked for"] if wish.measures else []))
    sets = tuple(name for name in exact.sets if name in held)
    return exact.model_copy(update={"tables": tuple(tables), "noise": noise, "sets": sets, "withheld": withheld})


def scale(noise: Noise, measure: str, currency: str = "") -> Fraction:
    """Return the scale of the noise of one number: what a person changes in it at most, over its part of the epsilon."""
    return Fraction(most_of_one(noise, measure, currency) * noise.parts) / Fraction(noise.epsilon)


def most_of_one(noise: Noise, measure: str, currency: str = "") -> int:
    """Return by how much one person changes a number at most: what is counted once, events, rare ones and money differ."""
    if measure in AMOUNTS:
        return noise.clip_minor[currency]
    if measure in ONCE:
        return 1
    return (noise.clip_rare or noise.clip_events) if measure in RARE else noise.clip_events


def noise_of(exact: Export, wish: Wish) -> Noise:
    """Return the noise that a wish adds to an export, not yet drawn.

    Raises DataError where it would drown everything: where its standard deviation is larger than all people together could
    make a number, the most that each may count for. Ask before the epsilon is spent.
    """
    assert wish.epsilon is not None
    parts = sum(len(_released(table, wish)) for table in exact.tables)
    if not parts:
        raise DataError(f"of {', '.join(wish.measures) or 'all measures'} the store has nothing to give away.")
    minor = {table.currency: wish.clip_minor[table.currency] for table in exact.tables if table.currency}
    noise = Noise(
        epsilon=f"{wish.epsilon.normalize():f}",
        parts=parts,
        clip_events=wish.clip_events,
        clip_rare=min(wish.clip_events, CLIP_RARE),
        clip_minor=minor,
        measures=wish.measures,
    )
    people = max((table.total[MEASURES[table.family][0]] for table in exact.tables), default=0)
    refuse_drowned(scale(noise, "people"), people, noise.epsilon, parts)
    return noise


def deviations(export: Export) -> list[tuple[str, str, int, float]]:
    """Return of each measure over everybody: its name, its currency, the number as it came out, and the standard deviation of
    the noise in it. Of what is told by groups alone there is none."""
    assert export.noise is not None
    return [
        (measure, table.currency, table.total[measure], spread(scale(export.noise, measure, table.currency)))
        for table in export.tables
        if not table.attribute
        for measure in _released(table)
    ]


def _released(table: Table, wish: Wish | None = None) -> Sequence[str]:
    named = wish.measures if wish is not None else ()
    return [name for name in table.total if name != "squares" and (not named or name in named)]


def _check_measures(wish: Wish) -> None:
    if wish.measures and wish.epsilon is None:
        raise ConfigError(
            "measures are named where noise is asked for: they share its epsilon.",
            hint="Add --epsilon, or leave out whole sets with --only.",
        )
    for name in wish.measures:
        if name not in GIVEN:
            raise ConfigError(f"there is no measure '{name}' among the sums.", hint=nearest(name, GIVEN))


def _basis(ask: Ask) -> Literal["net", "gross"]:
    return "gross" if ask.basis == "gross" else "net"
