"""Does personal mail narrow what people see: how much of the catalogue is bought, how evenly, and how far from habit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import counts, intervals, rules
from persync.measure.group_conversion import NO_RECOMMENDATIONS
from persync.measure.grouping import ANY_ATTRIBUTE, PEOPLE_DIMENSIONS, grouping
from persync.measure.metric import Ask, Metric
from persync.measure.texts import bounds, join, piece, run

DIMENSIONS: Final = (*PEOPLE_DIMENSIONS, ANY_ATTRIBUTE)
NO_CATALOGUE: Final = "no_catalogue"


def diversity_serendipity(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute `catalogue_coverage`, `purchase_gini`, `basket_diversity` and `outside_usual` of what was bought in the period;
    `exposure_gini`, what messages recommended, no platform tells."""
    id = "diversity_serendipity"
    build_orders(engine)
    cut = grouping(engine, ask, id, valid=DIMENSIONS, people="baskets")
    texts = [piece("owned_orders"), piece("baskets"), *(cut.texts if ask.by else ())]
    joined = " JOIN grouped AS g ON g.person = b.person" if ask.by else ""
    columns = cut.columns if ask.by else ""
    keys = "".join(f", x.d{i}" for i in range(len(ask.by)))
    named = "".join(f", x.d{i} AS d{i}" for i in range(len(ask.by)))
    group = f" GROUP BY {keys[2:]} ORDER BY {keys[2:]}" if ask.by else ""
    asked = f"asked AS (SELECT b.*{columns} FROM baskets AS b{joined} WHERE b.is_asked = 1)"
    people = f"SELECT COUNT(DISTINCT x.person) AS people{named} FROM asked AS x{group}"
    params = {**bounds(ask.period), **(cut.params if ask.by else {})}
    rows = run(engine, join(*texts, asked, people), params)
    hide = cut.hidden(rows, "people", ask) if ask.by else frozenset()
    sold = (
        f"sold AS (SELECT x.product AS product, SUM(x.pieces) AS pieces{named} FROM asked AS x GROUP BY x.product{keys}),"
        f" ranked AS (SELECT x.pieces AS pieces, ROW_NUMBER() OVER ({'PARTITION BY ' + keys[2:] if ask.by else ''}"
        f" ORDER BY x.pieces, x.product) AS place{named} FROM sold AS x)"
    )
    sums = "SELECT COUNT(*) AS products, SUM(x.pieces) AS pieces, SUM(x.place * x.pieces) AS weighed"
    whole = f"{sums}{named} FROM ranked AS x{group}"
    spread = {_key(row, ask): row for row in run(engine, join(*texts, asked, sold, whole), params)}
    listed = (
        "SELECT COUNT(*) AS n FROM products AS u"
        " WHERE u.product IS NOT NULL AND LOWER(COALESCE(u.status, 'active')) NOT IN ('archived', 'draft')"
    )
    (catalogue,) = run(engine, listed, {})
    mixed = {_key(row, ask): row for row in run(engine, join(*texts, asked, *_mixed(named, keys, group)), params)}
    outside = {_key(row, ask): row for row in run(engine, join(*texts, asked, *_outside(named, keys, group)), params)}
    out = [rules.absent("exposure_gini", NO_RECOMMENDATIONS, {}, unit="index")]
    for row in rows:
        by = cut.by(row) if ask.by else {}
        key = _key(row, ask)
        if (cut.attribute and by.get(cut.attribute) in hide) or 0 < int(row["people"]) < ask.suppress_n:
            out += [rules.suppressed(name, ask, by, unit=unit) for name, unit in _UNITS.items()]
            continue
        out += _spread(spread.get(key), int(catalogue["n"]), int(row["people"]), by)
        out.append(_mean(mixed.get(key), ask, by))
        out.append(counts.clustered_share("outside_usual", outside.get(key, _NONE), ask, by))
    return [replace(one, period=ask.period) for one in out]


_UNITS: Final = {"catalogue_coverage": "share", "purchase_gini": "index", "basket_diversity": "share", "outside_usual": "share"}
_NONE: Final[Mapping[str, Any]] = dict.fromkeys(("clusters", "y", "x", "yy", "xx", "xy"))


def _key(row: Mapping[str, Any], ask: Ask) -> tuple[Any, ...]:
    return tuple(row[f"d{i}"] for i in range(len(ask.by)))


def _spread(row: Mapping[str, Any] | None, listed: int, people: int, by: Mapping[str, str]) -> list[Estimate]:
    """Return how much of the catalogue was bought, and Gini's index of the pieces over all of it: 0 = all alike."""
    if row is None or not row["pieces"]:
        return [rules.absent(name, rules.NO_DENOMINATOR, by, unit=_UNITS[name], n=0) for name in list(_UNITS)[:2]]
    bought, pieces = int(row["products"]), float(row["pieces"])
    if listed < bought:
        note = "the platform's list of products does not hold all that was bought"
        return [rules.absent(name, NO_CATALOGUE, by, unit=_UNITS[name], note=note) for name in list(_UNITS)[:2]]
    weighed = float(row["weighed"]) + (listed - bought) * pieces
    gini = 2 * weighed / (listed * pieces) - (listed + 1) / listed
    return [
        Estimate("catalogue_coverage", bought / listed, n=listed, unit="share", by=dict(by)),
        Estimate("purchase_gini", gini, n=people, unit="index", by=dict(by)),
    ]


def _mixed(named: str, keys: str, group: str) -> tuple[str, ...]:
    """Return the query of the share of pairs of products in a basket that are of two kinds, a person's baskets as one."""
    kinds = (
        f"kinds AS (SELECT x.person AS person, x.order_id AS order_id, x.kind AS kind, COUNT(*) AS c{named} FROM asked AS x"
        f" GROUP BY x.person, x.order_id, x.kind{keys})"
    )
    orders = (
        f"mixes AS (SELECT x.person AS person, 1e0 - SUM(x.c * (x.c - 1)) * 1e0 / (SUM(x.c) * (SUM(x.c) - 1)) AS y{named}"
        f" FROM kinds AS x GROUP BY x.person, x.order_id{keys} HAVING SUM(x.c) > 1)"
    )
    each = f"mixing AS (SELECT x.person AS person, AVG(x.y) AS y{named} FROM mixes AS x GROUP BY x.person{keys})"
    final = f"SELECT COUNT(*) AS people, SUM(x.y) AS total, SUM(x.y * x.y) AS squares{named} FROM mixing AS x{group}"
    return kinds, orders, each, final


def _mean(row: Mapping[str, Any] | None, ask: Ask, by: Mapping[str, str]) -> Estimate:
    people = int(row["people"]) if row else 0
    sample = intervals.moments(people, float(row["total"]), float(row["squares"])) if row and people else None
    return rules.average("basket_diversity", sample, people, ask, by, unit="share")


def _outside(named: str, keys: str, group: str) -> tuple[str, ...]:
    """Return the query of the share of products bought of a kind that the person had not bought before, of those who had
    bought something before; persons are the clusters."""
    before = (
        "firsts AS (SELECT b.person AS person, b.kind AS kind, MIN(b.ordered_at) AS at FROM baskets AS b"
        " GROUP BY b.person, b.kind)"
    )
    began = "began AS (SELECT f.person AS person, MIN(f.at) AS at FROM firsts AS f GROUP BY f.person)"
    each = (
        "p_lines AS (SELECT x.person AS person, COUNT(*) AS x, SUM(CASE WHEN f.at >= x.ordered_at THEN 1 ELSE 0 END) AS y"
        f"{named} FROM asked AS x JOIN began AS e ON e.person = x.person AND e.at < x.ordered_at"
        f" JOIN firsts AS f ON f.person = x.person AND f.kind = x.kind GROUP BY x.person{keys})"
    )
    final = (
        f"SELECT COUNT(*) AS clusters, {counts.sums('y', 'x')}{named.replace('x.', 'p.')} FROM p_lines AS p"
        f"{group.replace('x.', 'p.')}"
    )
    return before, began, each, final


METRICS: Sequence[Metric] = (
    Metric(
        "diversity_serendipity",
        "Does it narrow what people buy",
        "Of what known customers bought in the period: the share of the catalogue (catalogue_coverage), Gini's index of the "
        "pieces over it (purchase_gini, 0 = every product alike, 1 = one alone), the share of pairs in a basket that are of "
        "two kinds (basket_diversity), and of those who had bought before, the share of products of a kind new to them "
        "(outside_usual).",
        "products bought ÷ products listed; 2 Σ i × pieces ÷ (n Σ pieces) − (n + 1) ÷ n; pairs of two kinds ÷ pairs; products "
        "of a new kind ÷ products",
        "share",
        diversity_serendipity,
        number="145",
        dimensions=DIMENSIONS,
        edge_cases="What messages recommended is told by no platform: exposure_gini is null, no_recommendations. More products "
        "bought than listed: null, no_catalogue. A person is one unit of the intervals; coverage and Gini's index have none "
        "and grow with how much is bought, so arms of different size do not compare.",
        data=("orders", "order_of", "order_lines", "products", "person_of"),
    ),
)
