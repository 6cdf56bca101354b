"""Checks of a metric."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, get_args

from persync.errors import PersyncError
from persync.estimate import Estimate, Label
from persync.measure.metric import Ask, Metric
from persync.testing.checks.check import expect, listed, many
from persync.testing.shop import Shop, ShopCheck

DAY_MS: Final = 86_400_000


def says(shop: Shop, id: str) -> str:
    """Look at what stands in the metric."""
    metric = shop.host.metrics[id]
    empty = [word for word in ("title", "definition", "formula", "unit", "edge_cases") if not getattr(metric, word).strip()]
    expect(not empty, f"it says nothing as its {listed(empty)}.")
    expect(bool(metric.data), "it does not say which tables it reads.")
    return metric.title


def answers(shop: Shop, id: str) -> str:
    """Ask of everything that is covered."""
    return many(len(_asked(shop, id, shop.ask)), "estimate")


def slices(shop: Shop, id: str) -> str:
    """Ask by each dimension that it names."""
    metric = shop.host.metrics[id]
    plain = [name for name in metric.dimensions if " " not in name and name != "arm"]
    # By a segment people are sorted as the period begins: so there has to be one.
    period = (shop.ask.now - 90 * DAY_MS, shop.ask.now)
    for name in plain:
        found = _asked(shop, id, replace(shop.ask, by=(name,), period=period))
        # Where the whole is null with its reason, there is nothing to split.
        expect(any(name in one.by or one.reason for one in found), f"by {name} it names no {name}.")
    return listed(plain) or "no dimensions"


def refuses(shop: Shop, id: str) -> str:
    """Ask by a dimension that there is not."""
    try:
        shop.host.metrics[id].compute(shop.engine, replace(shop.ask, by=("no-such-dimension",)))
    except PersyncError as error:
        expect("\n" not in str(error), "the refusal has more than one line.")
        return "refused"
    raise AssertionError("a dimension that there is not is taken without a word.")


def again(shop: Shop, id: str) -> str:
    """Ask twice."""
    first, second = (_asked(shop, id, shop.ask) for _ in range(2))
    same = len(first) == len(second) and all(_close(one, other) for one, other in zip(first, second, strict=True))
    expect(same, "asked twice it answers twice: fix its seed, and sort what it returns.")
    return "twice"


def _close(one: Estimate, other: Estimate) -> bool:
    """Tell whether two estimates are the same but for the last digits, which hang on the order in which doubles are added."""
    pairs = ((one.value, other.value), (one.low, other.low), (one.high, other.high), (one.p, other.p))
    near = all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)) for a, b in pairs
    )
    return near and replace(one, value=None, low=None, high=None, p=None) == replace(
        other, value=None, low=None, high=None, p=None
    )


def of_nothing(shop: Shop, id: str) -> str:
    """Ask a store that holds nothing, and a period that has not begun."""
    now = shop.ask.now
    later = replace(shop.ask, period=(now + DAY_MS, now + 31 * DAY_MS))
    for words, found in (
        ("a store that holds nothing", _estimates(shop.host.metrics[id], shop.host.metrics[id].compute(shop.empty, shop.ask))),
        ("a period that has not begun", _asked(shop, id, later)),
    ):
        expect(bool(found), f"of {words} it says nothing: null with the reason.")
        sure = [one for one in found if one.value not in (None, 0)]
        expect(not sure, f"of {words} it says {sure[0].value if sure else ''}.")
        bare = [one for one in found if one.value is not None and one.unit != "count" and not one.note]
        expect(not bare, f"of {words} it says 0: null with the reason.")
    return "nothing, and not yet"


def _asked(shop: Shop, id: str, ask: Ask) -> Sequence[Estimate]:
    metric = shop.host.metrics[id]
    return _estimates(metric, metric.compute(shop.engine, ask))


def _estimates(metric: Metric, found: Sequence[Estimate]) -> Sequence[Estimate]:
    """Return estimates, each of which is as an estimate has to be."""
    for one in found:
        where = f"{one.id} {dict(one.by)}" if one.by else one.id
        expect(isinstance(one, Estimate), f"{where} is no Estimate.")
        numbers = [x for x in (one.value, one.low, one.high, one.p) if x is not None]
        expect(all(math.isfinite(x) for x in numbers), f"{where} is infinite or no number: null with the reason.")
        expect((one.value is None) == (one.reason is not None), f"{where}: a value or a reason, never both nor neither.")
        # An interval may be open at one end: of a median that half of them have not reached yet.
        if one.value is not None:
            low, high = (-math.inf if one.low is None else one.low), (math.inf if one.high is None else one.high)
            expect(low <= one.value <= high, f"{where}: {one.value} lies outside of {one.low} to {one.high}.")
        expect(one.label in get_args(Label), f"{where} has the label '{one.label}'.")
        expect(one.n is None or one.n >= 0, f"{where}: n is {one.n}.")
        expect(all(isinstance(x, str) for pair in one.by.items() for x in pair), f"{where}: names of slices are text.")
        json.dumps(one.as_json(), allow_nan=False)
    return found


METRIC: Final = (
    ShopCheck("says", "its definition, formula, unit, edge cases and data are told", says),
    ShopCheck("answers", "every estimate is whole: value or reason, interval, label", answers),
    ShopCheck("slices", "it can be split by each dimension that it names", slices),
    ShopCheck("refuses", "a dimension that there is not is refused", refuses),
    ShopCheck("again", "asked twice it answers the same", again),
    ShopCheck("nothing", "of nothing it knows nothing, and says why", of_nothing),
)
