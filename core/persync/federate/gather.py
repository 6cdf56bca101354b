"""What a store can add up: its tables, the sums of its rates and of its experiments' arms. Only sums leave the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from persync.attribution.journeys import build_orders, build_touches
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.errors import ConfigError, DataError, nearest
from persync.federate import fold
from persync.federate.document import (
    LEVEL,
    LEVELLED,
    MEASURES,
    PAYERS_OF,
    ArmSums,
    Cell,
    ExperimentSums,
    Family,
    OutcomeSums,
    RateSums,
    Table,
)
from persync.measure import attributes, experiments, rules
from persync.measure.metric import Ask, Experiment
from persync.measure.people import LEVELS
from persync.measure.texts import EVER, bounds, join, piece, query, run

PACKAGE: Final = "persync.federate"
SETS: Final = ("mail", "money", "rates", "experiments")
"""the sets of measures that may be asked for"""
MOST: Final = 10**17
"""minor units that no payer has paid, and that fit into 18 digits"""
RATES: Final = {
    "delivery_rate": ("delivered", "sent"),
    "platform_ctr": ("unique_clicks", "delivered"),
    "unsubscribe_rate": ("unsubscribes", "delivered"),
    "complaint_rate": ("complaints", "delivered"),
}


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of one person counts: events, and minor units by currency; without a limit unless noise is to cover it."""

    events: int = EVER
    rare: int = EVER
    minor: Mapping[str, int] | None = None


def attributes_of(engine: Engine, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the attributes that make groups, and why others are left out. Raise DataError for a wanted one that is not there
    or makes none."""
    known = attributes.values(engine)
    for name in wanted:
        if name not in known:
            raise DataError(f"nobody in the store has the attribute '{name}'.", hint=nearest(name, list(known)))
        attributes.check(engine, name)
    names = [name for name in known if not wanted or name in wanted]
    able, bare = attributes.usable(engine), attributes.unstated(engine)
    fit = [name for name in names if name in able and name != LEVEL]
    lost = {name: "no basis is stated" if name in bare and not known[name] else "it makes no groups" for name in names}
    return fit, [
        *(f"attribute {name}: {why}" for name, why in lost.items() if name not in fit),
        *(f"attribute {name}: values without a stated basis, whose people are unknown" for name in fit if name in bare),
    ]


def mail_tables(
    engine: Engine, ask: Ask, names: Sequence[str], floor: int, caps: Caps
) -> tuple[list[Table], dict[str, frozenset[str]]]:
    """Return the tables of mail over everybody and by each attribute, and which groups of it are folded.

    Raise DataError when the store has fewer than `floor` people: it has nothing that it could give away.
    """
    build_touches(engine)
    shared = [piece(name) for name in ("sends", "doses", "bounces", "everybody")]
    params = {**bounds(ask.period), "cap": caps.events, "rare": caps.rare}
    tables, gone = [], {}
    for name in ("", *names):
        rows = run(engine, join(*shared, *_by("mail", name, "p.person")), {**params, "attribute": name})
        groups = {str(row["name"]): _cell(row, "mail") for row in rows}
        total = fold.added(groups.values(), "mail")
        if total["people"] < floor:
            hint = "[report] suppress_n may ask for more people than 5, never for fewer."
            raise DataError(f"the store has fewer than {floor} people: nothing of it can be given away.", hint=hint)
        if name:
            table, gone[name] = fold.folded("mail", name, groups, floor)
        else:
            table = Table(family="mail", total=total)
        tables.append(table)
    return tables, gone


def with_levels(engine: Engine, ask: Ask, tables: Sequence[Table], floor: int) -> tuple[list[Table], list[str]]:
    """Return the tables of mail with that of who was mailed by the highest level they received, and what is left out.

    Left out is the table when fewer than `floor` were mailed, but some; and the counts by level of the other tables when they
    would be of so few, or tell a level that is folded.
    """
    select = "SELECT r.level AS level, COUNT(*) AS people FROM received AS r GROUP BY r.level"
    rows = run(engine, join(piece("sends"), piece("doses"), piece("levels_read"), select), bounds(ask.period))
    found = dict.fromkeys(LEVELS, 0) | {str(row["level"]): int(row["people"]) for row in rows}
    exposure, told = fold.levels(found, floor)
    plain = list(tables) if told else [fold.unlevelled(table) for table in tables]
    secret = [] if told else [f"{' and '.join(LEVELLED)}: one of them, or what both leave, is of fewer than {floor} people"]
    if fold.withheld(exposure.total, "exposure", floor):
        return plain, [*secret, f"exposure: fewer than {floor} people were mailed"]
    return [*plain, exposure], secret


def money_tables(
    engine: Engine, ask: Ask, names: Sequence[str], floor: int, caps: Caps, gone: Mapping[str, frozenset[str]]
) -> tuple[list[Table], list[str]]:
    """Return the tables of money by currency, over everybody and by each attribute, and which currencies are withheld.

    A cell is folded when few have paid, however many people there are: a sum of one is what they spent.
    """
    build_orders(engine)
    params = {**bounds(ask.period), "gross": int(ask.basis == "gross"), "cap": caps.events}
    tables: list[Table] = []
    secret: set[str] = set()
    for name in ("", *names):
        by_currency: dict[str, dict[str, Cell]] = {}
        for currency in currencies(engine):
            clip = MOST if caps.minor is None else caps.minor[currency]
            rows = run(
                engine,
                join(piece("owned_orders"), *_by("money", name, "p.payer")),
                {**params, "attribute": name, "clip": clip, "currency": currency},
            )
            by_currency[currency] = {str(row["name"]): _cell(row, "money") for row in rows}
        for currency, groups in by_currency.items():
            total = fold.added(groups.values(), "money")
            if fold.withheld(total, "money", floor):
                secret.add(currency)
            elif name:
                also = gone.get(name, frozenset())
                tables.append(fold.folded("money", name, groups, floor, currency=currency, also=also)[0])
            elif groups:
                tables.append(Table(family="money", currency=currency, total=total))
    return tables, [f"money in {currency}: fewer than {floor} have paid in it" for currency in sorted(secret)]


def currencies(engine: Engine) -> list[str]:
    """Return the currencies of orders whose money counts. Needs `money_orders`."""
    sql = (
        "SELECT DISTINCT ol.currency AS currency FROM money_orders AS m JOIN order_ledger AS ol ON ol.order_key = m.order_key"
        " UNION SELECT DISTINCT m.currency AS currency FROM money_orders AS m WHERE m.currency IS NOT NULL ORDER BY 1"
    )
    return [str(row["currency"]) for row in run(engine, sql, {})]


def rate_sums(engine: Engine, ask: Ask, floor: int) -> tuple[dict[Any, RateSums], list[str]]:
    """Return the sums over campaigns of the platforms' own rates; those of fewer than `floor` messages are withheld."""
    rows = run(engine, query("counters", "counters_read"), bounds(ask.period))
    out: dict[Any, RateSums] = {}
    secret = []
    for rate, (top, bottom) in RATES.items():
        pairs = [
            (int(row[top]), int(row[bottom]))
            for row in rows
            if row[top] is not None and row[bottom] is not None and (top != "delivered" or row["has_bounces"])
        ]
        y, x = sum(a for a, _ in pairs), sum(b for _, b in pairs)
        if 0 < x < floor:
            secret.append(f"{rate}: of fewer than {floor} messages")
            continue
        yy, xx, xy = sum(a * a for a, _ in pairs), sum(b * b for _, b in pairs), sum(a * b for a, b in pairs)
        out[rate] = RateSums(campaigns=len(pairs), y=y, x=x, yy=yy, xx=xx, xy=xy)
    return out, secret


def experiment_sums(
    engine: Engine, ask: Ask, floor: int, people: int, payers: Mapping[str, int]
) -> tuple[list[ExperimentSums], list[str]]:
    """Return the sums of the arms of each experiment of the period; one with an arm of fewer than `floor` is withheld.

    `people` are all of the store and `payers` those of each currency whose money stands in the same file: what the arms leave
    of them is a cell as well.
    """
    out, secret = [], []
    for name, experiment in experiments.asked(engine, ask).items():
        sizes = experiments.arm_sizes(engine, experiment)
        if any(n < floor for n in sizes.values()) or not sizes:
            secret.append(f"experiment {name}: an arm of fewer than {floor} people")
            continue
        if experiment.control is not None and experiment.control not in sizes:
            what = f"the control '{experiment.control}' is not an arm of experiment '{name}'."
            raise ConfigError(what, hint=nearest(experiment.control, list(sizes)))
        one = _experiment(engine, experiment, sizes, ask, floor, payers)
        if one.mixed is None and people - sum(sizes.values()) <= floor:
            secret.append(f"experiment {name}: fewer than {floor} people are in several arms, and hardly anybody is in none")
            continue
        out.append(one)
    return out, secret


def _experiment(
    engine: Engine, experiment: Experiment, sizes: Mapping[str, int], ask: Ask, floor: int, payers: Mapping[str, int]
) -> ExperimentSums:
    build_orders(engine)
    base, params = experiments.arms_sql(experiment)
    from_at, to_at = experiments.window(experiment) or (-EVER, EVER)
    params |= {"from_at": from_at, "to_at": to_at, "gross": int(ask.basis == "gross")}
    mixed = sum(int(row["people"]) for row in run(engine, join(*base, piece("arms_mixed")), params))
    outcomes: dict[str, OutcomeSums] = {}
    if engine.rows("SELECT oo.order_id AS order_id FROM order_of AS oo LIMIT 1"):
        bought = run(engine, join(*base, piece("order_money"), piece("arm_orders"), piece("arm_orders_read")), params)
        immature = rules.IMMATURE if ask.now < to_at < EVER else None
        currency = rules.one_currency([row[end] for row in bought for end in ("currency_low", "currency_high")])
        people = {
            str(row["arm"]): ArmSums(people=int(row["people"]), events=int(row["buyers"]), successes=int(row["buyers"]))
            for row in bought
        }
        few = _tells_of_few(people.values(), floor)
        outcomes["conversion"] = OutcomeSums(reason=immature or (rules.SUPPRESSED if few else None), arms={} if few else people)
        reason = immature or (rules.MIXED_CURRENCIES if currency is None else None)
        money = {
            str(row["arm"]): ArmSums(
                people=int(row["people"]), events=int(row["payers"]), total=int(row["total"]), squares=int(row["squares"])
            )
            for row in bought
        }
        # One or two payers in an arm: its sum is what they spent. As few in none: that is what all the arms leave of the total.
        others = payers.get(currency or "", 0) - sum(one.events for one in money.values())
        if any(0 < n < floor for n in (others, *(one.events for one in money.values()))):
            reason = rules.SUPPRESSED
        outcomes["revenue"] = OutcomeSums(currency=currency or "", reason=reason, arms={} if reason else money)
    text = load("arm_values", PACKAGE)
    rows = run(engine, join(*base, piece("arm_outcomes"), text), params)
    for outcome in sorted({str(row["outcome"]) for row in rows}):
        mine = [row for row in rows if row["outcome"] == outcome]
        binary = not any(int(row["others"]) for row in mine)
        arms = {str(row["arm"]): _arm(row, binary=binary) for row in mine}
        few = _tells_of_few(arms.values(), floor)
        name = f"{outcome} (imported)" if outcome in ("conversion", "revenue") and outcome in outcomes else outcome
        outcomes[name] = OutcomeSums(reason=rules.SUPPRESSED if few else None, arms={} if few else arms)
    planned = experiments.planned_shares(engine, experiment, sizes)
    return ExperimentSums(
        name=experiment.name,
        control=experiment.control,
        holdout=experiment.holdout,
        since=experiment.since,
        days=experiment.days,
        planned=planned,
        arms=dict(sorted(sizes.items())),
        mixed=None if 0 < mixed < floor else mixed,
        outcomes=outcomes,
    )


def _tells_of_few(arms: Iterable[ArmSums], floor: int) -> bool:
    """Tell whether an arm is of few, or counts few of its people: who did something, or of a share who did not."""
    return any(
        one.people < floor or 0 < one.events < floor or (one.successes is not None and 0 < one.people - one.successes < floor)
        for one in arms
    )


def _arm(row: Mapping[str, Any], *, binary: bool) -> ArmSums:
    people, events = int(row["people"]), int(row["events"])
    if binary:
        return ArmSums(people=people, events=events, successes=events)
    return ArmSums(people=people, events=events, total=float(row["total"]), squares=float(row["squares"]))


def _by(family: Family, attribute: str, person: str) -> tuple[str, ...]:
    """Return the texts of a table by an attribute, where whoever has no value is `unknown`; without one, of everybody."""
    first, last = (load(f"{family}_{part}", PACKAGE).strip() for part in ("by_person", "read"))
    if not attribute:
        return first, last.replace("/*group*/", "''").replace("/*join*/", "")
    joined = f"LEFT JOIN group_values AS v ON v.person = {person}"
    return first, piece("groups"), last.replace("/*group*/", "COALESCE(v.value, 'unknown')").replace("/*join*/", joined)


def _cell(row: Mapping[str, Any], family: Family) -> Cell:
    return {name: int(row[name]) for name in (*MEASURES[family], *(PAYERS_OF.values() if family == "money" else ()))}
