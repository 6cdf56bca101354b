"""What journeys to an order look like, and how much of credit hangs on the model that gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from persync.attribution import journeys, stability
from persync.attribution.datadriven import prepared
from persync.attribution.fits import figures
from persync.attribution.models import MODELS
from persync.attribution.registry import FITTED
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

SHOWN = 10
"""the most paths that are told one by one"""
OTHERS = "(other paths)"


def journey_paths(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the most common paths, how many touches and days they take, and where channels stand in them."""
    check(ask.by, (), "journey_paths")
    journeys.build(engine, ask, narrow=True)
    params = {**bounds(ask.period), "quantile": intervals.normal_quantile(ask.confidence)}
    shape = piece("journey_shape")
    names = {
        int(row["word"]): str(row["text"]) or "unknown" for row in run(engine, "SELECT w.word, w.text FROM words AS w", {})
    }
    lengths, select = piece("journey_lengths").rsplit("\nSELECT\n", 1)
    (whole,) = run(engine, join(shape, lengths, "SELECT\n" + select), params)
    orders, people = int(whole["orders"] or 0), int(whole["people"] or 0)
    out = [
        _median("journey_length", "touches", whole, "length", orders, people, ask),
        _median("days_to_convert", "days", whole, "days", orders, people, ask),
    ]
    if not orders:
        return out
    out += _paths(run(engine, join(shape, piece("journey_paths")), params), names, orders, ask)
    return [
        replace(e, period=ask.period)
        for e in out + _ends(run(engine, join(shape, piece("journey_ends")), params), names, orders, ask)
    ]


def _median(id: str, unit: str, row: Mapping[str, Any], column: str, orders: int, people: int, ask: Ask) -> Estimate:
    if not orders:
        return rules.absent(id, "no_touches", {}, unit=unit, n=0)
    if people < ask.suppress_n:
        return rules.suppressed(id, ask, {}, unit=unit)
    value, low, high = (float(row[f"{part}_{column}"]) for part in ("median", "low", "high"))
    found = Estimate(id, value, low, high, n=orders, unit=unit, note=f"median; the mean is {row[f'mean_{column}']:.1f}")
    return rules.with_note(found, rules.smallness(people, None, ask))


def _paths(rows: Sequence[Mapping[str, Any]], names: Mapping[int, str], orders: int, ask: Ask) -> list[Estimate]:
    def text(row: Mapping[str, Any]) -> str:
        words = [int(row[f"word_{place}"]) for place in range(1, 6)]
        told = [names.get(word, "unknown") for word in words if word]
        return " > ".join([*told, "…"] if row["is_longer"] else told)

    ranked = sorted(rows, key=lambda row: (-int(row["orders"]), text(row)))
    shown = [row for row in ranked if int(row["people"]) >= ask.suppress_n][:SHOWN]
    rest = [row for row in ranked if row not in shown]
    # The rest must not give away a path that is hidden in it: too few people there, and the smallest that is shown joins them.
    while shown and rest and sum(int(row["people"]) for row in rest) < ask.suppress_n:
        rest.append(shown.pop())
    out = [
        rules.with_note(
            replace(rules.share("journey_path", int(row["orders"]), orders, ask, {"path": text(row)}), note=""),
            rules.smallness(int(row["people"]), None, ask),
        )
        for row in shown
    ]
    if rest and sum(int(row["people"]) for row in rest) >= ask.suppress_n:
        found = rules.share("journey_path", sum(int(row["orders"]) for row in rest), orders, ask, {"path": OTHERS})
        out.append(replace(found, note=f"{len(rest):,} paths"))
    elif rest:
        out.append(rules.suppressed("journey_path", ask, {"path": OTHERS}, unit="share"))
    return out


def _ends(rows: Sequence[Mapping[str, Any]], names: Mapping[int, str], orders: int, ask: Ask) -> list[Estimate]:
    told = {names.get(int(row["word"]), "unknown"): row for row in rows}
    hidden = rules.hidden({name: int(row["people"]) for name, row in told.items()}, ask.suppress_n)
    out = []
    for id, column in (("journey_first", "firsts"), ("journey_last", "lasts")):
        for name, row in sorted(told.items(), key=lambda item: (-int(item[1][column]), item[0])):
            by = {"channel": name}
            if name in hidden:
                out.append(rules.suppressed(id, ask, by, unit="share"))
            else:
                out.append(rules.share(id, int(row[column]), orders, ask, by))
    return out


def model_comparison(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute credit by channel and model with its interval, and how each channel's rank and share move across models."""
    check(ask.by, ("setting",), "model_comparison")
    models = (*MODELS, *FITTED)
    if ask.by:
        return stability.sensitivity(engine, models, replace(ask, by=()))
    ready = prepared(engine, models, ask)
    found = stability.shares(engine, ready, ask)
    out = [rules.with_note(e, rules.smallness(e.n, None, ask)) if e.n is not None else e for e in found]
    for standing in stability.standings(found):
        by = {"channel": standing.channel}
        out.append(
            Estimate(
                "rank_range",
                standing.worst - standing.best,
                unit="count",
                by=by,
                period=ask.period,
                note=f"rank {standing.best} to {standing.worst}: {standing.verdict}",
            )
        )
        note = f"{standing.least.by['model']} to {standing.greatest.by['model']}"
        out.append(Estimate("credit_spread", standing.spread, unit="share", by=by, period=ask.period, note=note))
    return out + figures(ready)


METRICS: tuple[Metric, ...] = (
    Metric(
        "model_comparison",
        "Credit by model, compared",
        "Each channel's share of the period's revenue under every model that comes with persync and adds up to the orders, "
        "with a bootstrap interval by customer. Beside it `rank_range` (how many places the channel moves across models) "
        "with the verdict robust (at most one place) or depends on the model, `credit_spread` (greatest share less least) "
        "and `fit`: what fitted models found from all conversions up to now (the order of the chain and the likelihoods that"
        " chose it, the probability of converting, signed Shapley values, the hazard's half-life and baseline). By setting: "
        "the share of e-mail with half and twice the look-back and with human opens.",
        "credit of the channel ÷ revenue of the period; worst rank − best rank; greatest share − least share",
        "share",
        model_comparison,
        number="96",
        dimensions=("setting",),
        edge_cases="A fitted model that cannot be used is null with its reason. The intervals of fitted models hold their "
        "strengths as fitted. What no touch holds has no rank.",
        data=("orders", "order_ledger", "touchpoints"),
    ),
    Metric(
        "journey_paths",
        "Paths to an order",
        "What the touches before orders of the period look like: the most common paths (the first five channels in order), the "
        "median number of touches `journey_length` and of days from the first touch to the order `days_to_convert`, and how "
        "often each channel comes first (`journey_first`) and last (`journey_last`).",
        "orders with the path ÷ orders with a touch",
        "share",
        journey_paths,
        number="98",
        edge_cases="Orders without a touch are left out; none with one: null, no_touches. Paths of fewer than suppress_n "
        "people are told only together. Medians carry the binomial interval of their ranks.",
        data=("orders", "touchpoints"),
    ),
)
