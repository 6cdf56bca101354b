"""Who belongs to which segment at a moment, by what was known before it.

The derived table `segment_members (at, person, segment, kind)` has one row a moment, person and segment. The kinds life-cycle,
rfm and affinity put each of their people into one segment; rules of the settings may overlap. Attributes carry no date: a rule
on them goes by what is known of people today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from persync.attribution.journeys import build_orders, offset_sql
from persync.engine.engine import Engine
from persync.measure import attributes, rules
from persync.measure.metric import Ask
from persync.measure.rules import DAY
from persync.measure.segment_settings import SegmentRule
from persync.measure.texts import EVER, join, piece, write
from persync.money import exponent

LIFECYCLE: Final = "life-cycle"
RFM: Final = "rfm"
AFFINITY: Final = "affinity"
OWN: Final = "rule"
"""the kind of the segments that the settings define"""
PARTITIONS: Final = (LIFECYCLE, RFM, AFFINITY)
STAGES: Final = ("subscriber", "new", "active", "loyal", "at risk", "inactive", "churned")
CELLS: Final = ("champions", "loyal", "recent", "slipping", "lost")
"""of recency, frequency and money"""
UNDATED: Final = "attributes carry no date: a rule on them goes by what is known today"


def kind_of(segment: str) -> str:
    """Return the kind that a segment's name shows: those of persync stand before a colon, rules have none."""
    head = segment.partition(": ")[0]
    return head if head in PARTITIONS and head != segment else OWN


def made() -> tuple[str, ...]:
    """Return the names of the segments that persync makes of any shop, whether anybody is in them or not."""
    return (*(f"{LIFECYCLE}: {stage}" for stage in STAGES), *(f"{RFM}: {cell}" for cell in CELLS))


def moment(ask: Ask) -> int:
    """Return when membership is looked at: at the start of the asked period, so that nothing of it is used; else now."""
    return ask.now if ask.period is None else min(ask.now, ask.period[0])


def build(engine: Engine, ask: Ask, moments: Sequence[int], kinds: Sequence[str] = (*PARTITIONS, OWN)) -> None:
    """Write `standings` and `segment_members` at the moments (epoch ms), of the kinds. Raise ConfigError for a rule on an
    attribute that tells who somebody is and is held on no stated basis."""
    build_orders(engine)
    own = ask.segments.rules if OWN in kinds else {}
    attributes.refuse(engine, [name for rule in own.values() for name in rule.attributes])
    affinity = AFFINITY in kinds or any(one.bought for one in own.values())
    _stand(engine, ask, moments, affinity=affinity)
    parts = []
    params: dict[str, Any] = {}
    columns = {LIFECYCLE: "stage", RFM: "rfm", AFFINITY: "affinity"}
    parts += [
        f"SELECT s.at AS at, s.person AS person, '{kind}: ' || s.{column} AS segment, '{kind}' AS kind"
        f" FROM standings AS s WHERE s.{column} IS NOT NULL"
        for kind, column in columns.items()
        if kind in kinds
    ]
    for i, (name, rule) in enumerate(own.items()):
        whole = [rule, *(own[other] for other in rule.all_of)]
        where = []
        for j, one in enumerate(whole):
            text, given = _condition(one, f"{i}_{j}", _scale(engine))
            where += text
            params |= given
        params[f"name_{i}"] = name
        parts.append(
            f"SELECT s.at AS at, s.person AS person, :name_{i} AS segment, '{OWN}' AS kind FROM standings AS s WHERE "
            + " AND ".join(where)
        )
    nobody = "SELECT s.at AS at, s.person AS person, '' AS segment, '' AS kind FROM standings AS s WHERE 1 = 0"
    sql = " UNION ALL ".join(parts or [nobody])
    write(engine, sql, params, "segment_members")


def _stand(engine: Engine, ask: Ask, moments: Sequence[int], *, affinity: bool) -> None:
    offset, changes = offset_sql(engine, ask.timezone)
    text = piece("standings").replace("/*offset*/", offset)
    text = text.replace(
        "AS (/*moments*/)", f"AS ({' UNION ALL '.join(f'SELECT :moment_{i} AS at' for i in range(len(moments)))})"
    )
    thing = "CASE WHEN k.person IS NULL OR a.thing IS NULL THEN NULL WHEN z.thing IS NULL THEN 'other' ELSE a.thing END"
    joined = "LEFT JOIN affinities AS a ON a.at = n.at AND a.person = q.person LEFT JOIN popular AS z ON z.thing = a.thing"
    text = text.replace("/*affinity*/", piece("affinities") if affinity else "")
    text = text.replace("/*affinity_column*/", thing if affinity else "CAST(NULL AS VARCHAR(9))")
    text = text.replace("/*affinity_join*/", joined if affinity else "")
    life = ask.segments
    params: dict[str, Any] = {
        **changes,
        **{f"moment_{i}": at for i, at in enumerate(moments)},
        "ever": EVER,
        "gross": int(ask.basis == "gross"),
        "new_ms": life.new_days * DAY,
        "at_risk_ms": life.at_risk_days * DAY,
        "inactive_ms": life.inactive_days * DAY,
        "churned_ms": life.churned_days * DAY,
        "loyal_orders": life.loyal_orders,
    }
    write(engine, join(piece("owned_orders"), piece("first_seen"), text, "SELECT s.* FROM stood AS s"), params, "standings")


def _scale(engine: Engine) -> float | None:
    """Return how many minor units the shop's money has in a major one, None when there are several currencies."""
    (row,) = engine.rows("SELECT MIN(m.currency) AS low, MAX(m.currency) AS high FROM money_orders AS m")
    currency = rules.one_currency([row["low"], row["high"]])
    return None if currency is None else 10.0 ** exponent(currency)


def _condition(rule: SegmentRule, tag: str, scale: float | None) -> tuple[list[str], dict[str, Any]]:
    """Return what a rule asks of a row s of `standings`, and its parameters. Money in several currencies satisfies nothing."""
    where, params = ["1 = 1"], {}

    def add(text: str, name: str, value: Any) -> None:
        key = f"{name}_{tag}"
        params[key] = value
        where.append(text.replace(":x", f":{key}"))

    def one_of(column: str, name: str, values: Sequence[str]) -> str:
        keys = {f"{name}_{tag}_{i}": value for i, value in enumerate(values)}
        params.update(keys)
        return f"{column} IN ({', '.join(f':{key}' for key in keys)})"

    for column, name, values in (("stage", "stage", rule.stages), ("rfm", "rfm", rule.rfm), ("affinity", "thing", rule.bought)):
        if values:
            where.append(one_of(f"s.{column}", name, values))
    for bound, sign in (("min", ">="), ("max", "<=")):
        orders, revenue = getattr(rule, f"{bound}_orders"), getattr(rule, f"{bound}_revenue")
        if orders is not None:
            add(f"s.orders {sign} :x", f"{bound}_orders", orders)
        if revenue is not None:
            add(f"s.minor {sign} :x" if scale else "1 = 0 AND 0 <= :x", f"{bound}_revenue", revenue * (scale or 1.0))
    if rule.ordered_within_days is not None:
        add("s.last_at >= s.at - :x", "within", rule.ordered_within_days * DAY)
    if rule.not_ordered_for_days is not None:
        add("s.orders > 0 AND s.last_at <= s.at - :x", "without", rule.not_ordered_for_days * DAY)
    for i, (name, values) in enumerate(rule.attributes.items()):
        add(
            "s.person IN (SELECT COALESCE(po.person, a.key_id) FROM attributes AS a LEFT JOIN person_of AS po"
            f" ON po.key_id = a.key_id WHERE a.name = :x AND {one_of('a.value', f'value_{i}', values)})",
            f"attribute_{i}",
            name,
        )
    if rule.lists:
        where.append(_member(one_of("g.name", "list", rule.lists)))
    acts = (("opens", 3, rule.min_opens), ("clicks", 4, rule.min_clicks), ("visits", 9, rule.min_visits))
    for name, action, least in acts:
        if least:
            params[f"days_{tag}"] = rule.days * DAY
            add(_acted(action, f":days_{tag}"), name, least)
    return where, params


_MOMENTS: Final = "(SELECT DISTINCT h.at AS at FROM standings AS h) AS n"


def _member(named: str) -> str:
    return (
        f"(s.at, s.person) IN (SELECT n.at, COALESCE(po.person, b.key_id) FROM {_MOMENTS} JOIN memberships AS b"
        " ON COALESCE(b.joined_at, n.at - 1) < n.at AND COALESCE(b.left_at, n.at) >= n.at JOIN segments AS g"
        f" ON g.segment_id = b.segment_id LEFT JOIN person_of AS po ON po.key_id = b.key_id WHERE {named})"
    )


def _acted(action: int, days: str) -> str:
    return (
        f"(s.at, s.person) IN (SELECT n.at, COALESCE(po.person, t.key_id) FROM {_MOMENTS} JOIN touchpoints AS t"
        f" ON t.happened_at < n.at AND t.happened_at >= n.at - {days} LEFT JOIN person_of AS po ON po.key_id = t.key_id"
        f" WHERE t.action = {action} AND COALESCE(t.is_machine, 0) = 0 GROUP BY n.at, COALESCE(po.person, t.key_id)"
        " HAVING COUNT(*) >= :x)"
    )


def described(name: str, ask: Ask) -> str:
    """Return in words who belongs to a segment."""
    life = ask.segments
    kind, _, rest = name.partition(": ")
    if kind == LIFECYCLE:
        return {
            "subscriber": "known, no purchase yet",
            "new": f"first purchase less than {life.new_days:g} days ago",
            "active": f"last purchase less than {life.at_risk_days:g} days ago",
            "loyal": f"{life.loyal_orders} or more purchases, the last less than {life.at_risk_days:g} days ago",
            "at risk": f"last purchase {life.at_risk_days:g} to {life.inactive_days:g} days ago",
            "inactive": f"last purchase {life.inactive_days:g} to {life.churned_days:g} days ago",
            "churned": f"last purchase {life.churned_days:g} days ago or more",
        }.get(rest, "")
    if kind == RFM:
        return {
            "champions": "last purchase among the latest two fifths, often and much",
            "loyal": "last purchase among the latest three fifths, often or much",
            "recent": "last purchase among the latest three fifths, seldom and little",
            "slipping": "last purchase among the earliest two fifths, often or much before",
            "lost": "last purchase among the earliest two fifths, seldom and little",
        }.get(rest, "")
    if kind == AFFINITY:
        return {"mixed": "no product most", "other": "a product few buy most"}.get(rest, "bought most pieces of it")
    return _own_words(ask.segments.rules[name]) if name in ask.segments.rules else ""


def _own_words(rule: SegmentRule) -> str:
    from dataclasses import asdict

    given: Mapping[str, Any] = {
        key: value for key, value in asdict(rule).items() if value not in (None, (), {}) and key not in ("kind", "days")
    }
    words = [f"{key} {value if not isinstance(value, tuple) else ' or '.join(value)}" for key, value in given.items()]
    text = f"{rule.kind}: {', '.join(words)}"
    return f"{text}; {UNDATED}" if rule.attributes else text
