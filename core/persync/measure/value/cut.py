"""How customers are sliced, and the two shapes that answers have: shares of them, and money drawn again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from persync.attribution.stability import replicate
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.grouping import ANY_ATTRIBUTE, PEOPLE_DIMENSIONS, Grouping, grouping
from persync.measure.metric import Ask
from persync.measure.texts import join, run, write

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

DIMENSIONS: Final = (*PEOPLE_DIMENSIONS, ANY_ATTRIBUTE)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cut:
    """Customers in their slices: CTE texts that end in `grouped`, which a query joins as g."""

    ask: Ask
    people: Grouping

    def rows(
        self, engine: Engine, select: str, params: Mapping[str, Any], *, per: str = "", before: Sequence[str] = ()
    ) -> list[Row]:
        """Run `select`, a query with the marks /*columns*/ and /*keys*/, one row a slice (and a value of `per`)."""
        keys = ", ".join(part for part in (per, self.people.grouping.removeprefix(", ")) if part)
        shaped = select.replace("/*columns*/", self.people.columns)
        shaped = shaped.replace("/*keys*/", f"GROUP BY {keys} ORDER BY {keys}" if keys else "")
        texts = self.people.texts
        if self.people.dimensions:  # kept as a table: measures of several parts ask for the same slices again and again
            whole = join(*texts, "SELECT g.* FROM grouped AS g")
            write(engine, whole, self.people.params, "customer_slices")
            texts = ("grouped AS (SELECT s.* FROM customer_slices AS s)",)
        found = run(engine, join(*texts, *before, shaped), {**self.people.params, **params})
        return [row for row in found if per or not self.people.dimensions or any(row.values())]

    def by(self, row: Row) -> dict[str, str]:
        """Return the slice of a row."""
        return self.people.by(row)

    def estimates(
        self, rows: Sequence[Row], id: str, unit: str, people: str, make: Callable[[Row, dict[str, str]], Estimate]
    ) -> list[Estimate]:
        """Return one estimate a row, those that rule E1 hides as hidden; `people` is the column that counts them."""
        hide = self.people.hidden(rows, people, self.ask)
        out = []
        for row in rows:
            by = self.by(row)
            if self.people.attribute and by[self.people.attribute] in hide:
                out.append(rules.suppressed(id, self.ask, by, unit=unit))
            else:
                out.append(make(row, by))
        return out


def bucket(ask: Ask, of: str = "c") -> str:
    """Return the SQL of a customer's bucket: finer for the whole than for each of many slices, where fewer people fill it."""
    return f"MOD({of}.bucket, {128 if ask.by else 1024})"


def cut(engine: Engine, ask: Ask, id: str) -> Cut:
    """Return how the customers are sliced. Needs the table `customers`; raises as `grouping` does."""
    return Cut(ask, grouping(engine, ask, id, valid=DIMENSIONS, people="customers"))


def stacked(rows: Sequence[Row], cut: Cut, names: Sequence[str]) -> dict[tuple[str, ...], tuple[Array, Array]]:
    """Return, for each slice, the buckets of customers and the columns `names` of its rows, one row a bucket."""
    import numpy as np

    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(cut.by(row).values()), []).append(row)
    return {
        key: (
            np.array([int(row["bucket"]) for row in group], np.int64),
            np.array([[float(row[name] or 0) for name in names] for row in group], np.float64),
        )
        for key, group in sorted(found.items())
    }


def draws_of(found: Mapping[tuple[str, ...], tuple[Array, Array]], seed: int) -> dict[tuple[str, ...], Array]:
    """Return the draws of each slice's sums. Weights are made once for all: a bucket has the same in every slice."""
    import numpy as np

    if not found:
        return {}
    ids = np.unique(np.concatenate([buckets for buckets, _ in found.values()]))
    width = next(iter(found.values()))[1].shape[1]
    wide = np.zeros((len(ids), len(found) * width))
    for i, (buckets, columns) in enumerate(found.values()):
        wide[np.searchsorted(ids, buckets), i * width : (i + 1) * width] = columns
    drawn = replicate(ids, wide, seed)
    return {key: drawn[:, i * width : (i + 1) * width] for i, key in enumerate(found)}


def money(
    id: str,
    value: float,
    draws: Array,
    ask: Ask,
    by: Mapping[str, str],
    *,
    n: int,
    unit: str,
    events: int | None = None,
    note: str = "",
) -> Estimate:
    """Return a value with the interval that holds the middle of its bootstrap draws, under rule E1."""
    import numpy as np

    if n < ask.suppress_n:
        return rules.suppressed(id, ask, by, unit=unit)
    known = draws[np.isfinite(draws)]
    low = high = None
    if len(known) * 2 > len(draws):  # else most draws say nothing, and neither do their edges
        tail = (1 - ask.confidence) / 2
        low, high = (float(one) for one in np.quantile(known, [tail, 1 - tail]))
        low, high = min(low, value), max(high, value)
    made = Estimate(id, value, low, high, n=n, unit=unit, by=dict(by), note=note)
    return rules.with_note(made, rules.smallness(n, events, ask))


def dated(found: Sequence[Estimate], ask: Ask) -> list[Estimate]:
    """Write the asked period into estimates."""
    return [replace(estimate, period=ask.period) for estimate in found]
