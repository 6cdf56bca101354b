"""Data-driven models: what they are fitted to, what a fit returns, and how that becomes a rule for the ledger.

A model declares what it `needs`; `prepared` collects it as small aggregates in SQL (the texts `paths*.sql`), calls `fit` and
turns the result into a plain rule model, or into one with the `reason` why it cannot be used. Two outputs have two names:
`credit_population`, conversions per channel as the method is published, and the ledger's `credit`, which splits each order over
its own channels by strength and then equally over each channel's touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from persync.attribution import journeys
from persync.attribution.calibrate import scaled
from persync.attribution.horizon import orders_until
from persync.attribution.models import AttributionModel
from persync.attribution.strange import MODEL_FAILED, is_strange, tried
from persync.engine.engine import Engine, once
from persync.engine.texts import load
from persync.errors import RAISED, reason_of
from persync.estimate import Estimate

if TYPE_CHECKING:
    import numpy as np

    from persync.measure.metric import Ask

    Ints = np.ndarray[Any, Any]
    Floats = np.ndarray[Any, Any]

TOO_FEW_CONVERSIONS: Final = "too_few_conversions"
NO_NULL_PATHS: Final = "no_null_paths"
NO_ORDERS: Final = "no_orders"
NO_TOUCHES: Final = "no_touches"
NO_STRENGTH: Final = "no_strength"
"""no channel has any: nothing in the paths speaks for one of them"""

GROUPS: Final = 20
"""people are put into as many groups by their stored hash, so that a fit can be repeated without each of them"""
FOLDS: Final = 5
START: Final = -1
BINS: Final = 7
ROW_LIMIT: Final = 2_000_000
"""the most rows that one aggregate may have"""
_NEVER: Final = 1e-18
"""the weight of a channel without strength: nothing beside one that has some, all of an order that has nothing else"""
_BITS: Final = 60
_TWO_SIDED: Final = 1.959964
UP_TO_NOW: Final = "all conversions up to now"
"""what fits learn from, whatever the period"""
NO_INTERVAL: Final = "no interval: paths are counted together, not by person"
UNHELD: Final = "seen before orders alone: overstated"


@dataclass(frozen=True, slots=True)
class Transitions:
    """Steps of paths with what came before. Channels are numbered by name from 0.

    `history` (n, 3): the channels before the step, the latest first, START where there was none. `to`: the channel stepped to,
    or `channels` for conversion and `channels + 1` for null. `count`: how often. `group`: of the people (0 to GROUPS - 1).
    """

    channels: int
    history: Ints
    to: Ints
    count: Floats
    group: Ints


@dataclass(frozen=True, slots=True)
class ChannelSets:
    """Paths by the set of their channels. `member` (n, channels) tells which, `paths` and `conversions` count them."""

    member: np.ndarray[Any, np.dtype[np.bool_]]
    paths: Floats
    conversions: Floats
    group: Ints


@dataclass(frozen=True, slots=True)
class TouchAges:
    """Ages of touches, in bins with the `edges` (BINS + 1, in days).

    `touches` (n, channels, BINS): how many an order had; `orders` (n): how many orders had just those, `group`: of whom.
    `exposure` (GROUPS, channels, BINS): touch-days watched. `person_days` and `bare_orders` (GROUPS): days that people were
    watched since their first touch, and their orders since then without a touch in the look-back.
    """

    edges: Floats
    touches: Floats
    orders: Floats
    group: Ints
    exposure: Floats
    person_days: Floats
    bare_orders: Floats


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a fit is handed. Of `transitions`, `sets` and `ages` it gets the one that its model needs; the others are None."""

    channels: tuple[str, ...]
    """names, sorted; every numbered channel is a place in here"""
    conversions: int
    """paths that end in an order that counts"""
    nulls: int
    """paths that end in nothing"""
    seed: int = 1
    markov_order: int | None = None
    """as the user sets it; None leaves it to the fit"""
    transitions: Transitions | None = None
    sets: ChannelSets | None = None
    ages: TouchAges | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit returns: strengths by channel (the ledger splits by them), and `population`, in conversions by channel.

    With `reason` it could not be fitted. With `weight`, a SQL expression as of a rule model, and its `params` (`:name`), the
    ledger uses that instead of the strengths; `:channel_strength` in it stands for the strength of the touch's channel.
    """

    strengths: Mapping[str, float] = field(default_factory=dict)
    population: Mapping[str, float] = field(default_factory=dict)
    reason: str | None = None
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    """standard errors of `population` where the method itself samples"""
    weight: str = ""
    params: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    """what must be told beside every figure of `population`"""
    unheld: tuple[str, ...] = ()
    """channels seen before orders alone, as where a shop tells only the visits of those who buy: nothing is held against them,
    so their strength is overstated (filled in after the fit)"""


def shared(strengths: Mapping[str, float], conversions: float) -> dict[str, float]:
    """Share conversions out by strength: strength / sum of strengths x conversions; all 0 where there is no strength."""
    whole = sum(strengths.values())
    return {name: strength / whole * conversions if whole > 0 else 0.0 for name, strength in strengths.items()}


def prepared(engine: Engine, models: Sequence[AttributionModel], ask: Ask) -> list[AttributionModel]:
    """Return the models with every fitted one made a rule and every calibrated one given its baseline; one that cannot be used
    comes back with its `reason`.

    Rule models of persync's own come back as they are, and for them alone nothing is computed; a stranger's is tried, and one
    that fails has the reason `model_failed`. Reads `ask.min_conversions`,
    `ask.markov_order`, `ask.seed`,
    `ask.lift` and what journeys are made of.
    """
    out = list(models)
    if any(model.fit is not None for model in out):
        paths = Paths(engine, models, ask)
        out = [model if model.fit is None else paths.rule(model) for model in out]
    out = tried(engine, out, ask)
    return scaled(engine, out, ask) if any(model.is_calibrated and model.against is None for model in out) else out


class Paths:
    """The paths of one question, aggregated when a model needs them."""

    def __init__(self, engine: Engine, models: Sequence[AttributionModel], ask: Ask) -> None:
        self._engine, self._ask = engine, ask
        journeys.build(engine, ask, models)
        journeys.build_touches(engine, journeys.windows(ask))
        # All that the paths hang on: with it a report fits each model once, whoever asks.
        self._until = orders_until(engine, ask)
        self._key = (ask.kinds, tuple(sorted(ask.windows.items())), ask.lookback_days, ask.path, ask.timezone, self._until)
        self._days = max(journeys.windows(ask).values())
        self._counted = counted_sql(ask.kinds)
        lookback = round(self._days * journeys.DAY_MS)
        params = {"lookback_ms": lookback, "mature_until": self._until - lookback}
        engine.write(_filled("paths", {"counted": self._counted}), params, "paths")
        found = engine.rows(
            "SELECT e.word AS word, COALESCE(w.text, '') AS channel, CAST(SUM(e.converting) AS BIGINT) AS converting,"
            " CAST(SUM(e.paths) AS BIGINT) AS paths FROM ("
            "SELECT p.word AS word, SUM(p.is_converting) AS converting, COUNT(*) AS paths FROM paths AS p GROUP BY p.word"
            " UNION ALL SELECT -1 AS word, SUM(q.is_converting) AS converting, COUNT(*) AS paths FROM"
            " (SELECT DISTINCT p.is_converting, p.path, p.part FROM paths AS p) AS q"
            ") AS e LEFT JOIN words AS w ON w.word = e.word GROUP BY e.word, w.text"
        )
        (whole,) = [row for row in found if row["word"] == -1]
        self.conversions = int(whole["converting"] or 0)
        self.nulls = int(whole["paths"] or 0) - self.conversions
        named = sorted((str(row["channel"]), int(row["word"])) for row in found if row["word"] != -1)
        self.channels = tuple(name for name, _ in named)
        alone = {str(row["channel"]) for row in found if row["word"] != -1 and row["converting"] == row["paths"]}
        self.unheld = tuple(name for name in self.channels if name in alone)
        self.words = {word: name for name, word in named}
        self._place = {word: place for place, (_, word) in enumerate(named)}
        self._made: dict[str, Inputs] = {}

    def inputs(self, needs: str) -> Inputs:
        """Return the inputs of one need."""
        if needs not in self._made:
            plain = Inputs(self.channels, self.conversions, self.nulls, self._ask.seed, self._ask.markov_order)
            match needs:
                case "transitions":
                    plain = replace(plain, transitions=self._transitions())
                case "channel_sets":
                    plain = replace(plain, sets=self._sets())
                case "touch_ages":
                    plain = replace(plain, ages=self._ages())
            self._made[needs] = plain
        return self._made[needs]

    def rule(self, model: AttributionModel) -> AttributionModel:
        """Fit a model and make it a rule. One that did not come with persync may raise anything: that is its failure."""
        if not is_strange(model):
            return as_rule(model, self.fit(model), self.words)
        try:
            return as_rule(model, self.fit(model), self.words)
        except RAISED as error:  # its message may quote data
            what = f"its fit failed: {reason_of(error)}"
            return replace(model, fit=None, reason=MODEL_FAILED, failure=f"{what.rstrip('.')}.")

    def fit(self, model: AttributionModel) -> Fitted:
        """Fit a model, or say why that cannot be done."""
        assert model.fit is not None
        if not self.conversions:
            orders = self._engine.rows("SELECT COUNT(*) AS n FROM money_orders AS m WHERE m.is_counted = 1")[0]["n"]
            return Fitted(reason=NO_TOUCHES if orders else NO_ORDERS)
        if self.conversions < self._ask.min_conversions:
            return Fitted(reason=TOO_FEW_CONVERSIONS, diagnostics={"conversions": self.conversions})
        if not self.nulls:
            return Fitted(reason=NO_NULL_PATHS, diagnostics={"conversions": self.conversions})
        fit, needs = model.fit, model.needs
        key = ("fitted", fit, needs, self._ask.seed, self._ask.markov_order, *self._key)
        found: Fitted = replace(once(self._engine, key, lambda: fit(self.inputs(needs))), unheld=self.unheld)
        if found.reason is None and not found.weight and not any(s > 0 for s in found.strengths.values()):
            return replace(found, reason=NO_STRENGTH)
        return found

    def _frame(self, sql: str, **params: float) -> dict[str, Any]:
        """Return an aggregate's columns, its rows in one order: what is fitted to them must not hang on the engine's."""
        import numpy as np

        found = self._engine.frame(sql, {"groups": GROUPS, **params}, limit=ROW_LIMIT)
        order = np.lexsort(list(found.values())[::-1])
        return {name: values[order] for name, values in found.items()}

    def _numbered(self, words: Any) -> Ints:
        """Turn channel words into their places by name; 0 (no channel) into START."""
        import numpy as np

        known = np.array(sorted(self._place), np.int64)
        places = np.array([self._place[int(word)] for word in known], np.int64)
        words = np.asarray(words, np.int64)
        at = np.minimum(np.searchsorted(known, words), len(known) - 1)
        return np.where(words == 0, START, places[at])

    def _transitions(self) -> Transitions:
        import numpy as np

        found = self._frame(load("paths_steps", journeys.PACKAGE))
        came = [self._numbered(found[f"came_{back}"]) for back in (1, 2, 3)]
        word, ends = self._numbered(found["word"]), np.asarray(found["ends"], np.int64)
        count, group = np.asarray(found["paths"], np.float64), np.asarray(found["people"], np.int64)
        last = ends > 0
        # Each touch is a step to it; a path's last one is a step onward, to its end, as well.
        history = np.concatenate([np.column_stack(came), np.column_stack([word, came[0], came[1]])[last]])
        to = np.concatenate([word, len(self.channels) + ends[last] - 1])
        return Transitions(
            len(self.channels), history, to, np.concatenate([count, count[last]]), np.concatenate([group, group[last]])
        )

    def _sets(self) -> ChannelSets:
        import numpy as np

        columns = [f"bits_{number}" for number in range(-(-len(self.channels) // _BITS))]
        bits = [
            f"CAST(SUM(CASE d.word{''.join(f' WHEN {word} THEN {1 << place % _BITS}' for word, place in block)}"
            f" ELSE 0 END) AS BIGINT) AS {column}"
            for column, block in zip(columns, _blocks(self._place), strict=True)
        ]
        words = {"bits": ",\n        ".join(bits), "columns": ", ".join(f"s.{column}" for column in columns)}
        found = self._frame(_filled("paths_sets", words))
        packed = [np.asarray(found[column], np.int64) for column in columns]
        member = np.column_stack([packed[place // _BITS] >> place % _BITS & 1 for place in range(len(self.channels))]).astype(
            bool
        )
        return ChannelSets(
            member,
            np.asarray(found["paths"], np.float64),
            np.asarray(found["conversions"], np.float64),
            np.asarray(found["people"], np.int64),
        )

    def _ages(self) -> TouchAges:
        import numpy as np

        lookback, channels = float(self._days), len(self.channels)
        edges = np.array([0.0, *(lookback / 2**back for back in reversed(range(BINS)))])
        steps = "".join(f" WHEN p.age_days <= {edge:.17e} THEN {bin}" for bin, edge in enumerate(edges[1:-1].tolist()))
        columns = [f"ages_{place}" for place in range(channels)]
        powers = "".join(f" WHEN {bin} THEN {256**bin}" for bin in range(BINS))
        packed = [
            f"CAST(SUM(CASE WHEN a.word = {word} THEN a.touches * CASE a.bin{powers} ELSE 0 END ELSE 0 END) AS BIGINT)"
            f" AS ages_{place}"
            for word, place in self._place.items()
        ]
        words = {
            "bin": f"CASE{steps} ELSE {BINS - 1} END",
            "packed": ",\n        ".join(packed),
            "columns": ", ".join(f"o.{column}" for column in columns),
        }
        found = self._frame(_filled("paths_ages", words))
        numbers = np.column_stack([np.asarray(found[column], np.int64) for column in columns])
        touches = np.stack([numbers >> 8 * bin & 255 for bin in range(BINS)], axis=2).astype(np.float64)
        now = {"now": self._until}  # until when it is known who ordered
        # Whole milliseconds: sums of doubles hang on the order in which an engine takes them.
        limits = np.rint(edges * journeys.DAY_MS).astype(np.int64).tolist()
        sums = [
            f"CAST(SUM(LEAST(GREATEST(w.watched_ms - {low}, 0), {high - low})) AS BIGINT) AS bin_{bin}"
            for bin, (low, high) in enumerate(pairwise(limits))
        ]
        watched = self._frame(
            _filled("paths_exposure", {"bins": ",\n    ".join(sums), "counted": self._counted}), lookback_ms=limits[-1], **now
        )
        exposure = np.zeros((GROUPS, channels, BINS))
        known = np.isin(watched["word"], list(self._place))
        at = np.asarray(watched["people"], np.int64)[known], self._numbered(np.asarray(watched["word"])[known])
        for bin in range(BINS):
            exposure[(*at, bin)] = np.asarray(watched[f"bin_{bin}"])[known] / journeys.DAY_MS
        base = self._frame(_filled("paths_baseline", {"counted": self._counted}), **now)
        person_days, bare = np.zeros(GROUPS), np.zeros(GROUPS)
        person_days[np.asarray(base["people"], np.int64)] = np.asarray(base["person_ms"]) / journeys.DAY_MS
        bare[np.asarray(base["people"], np.int64)] = base["orders"]
        return TouchAges(
            edges,
            touches,
            np.asarray(found["orders"], np.float64),
            np.asarray(found["people"], np.int64),
            exposure,
            person_days,
            bare,
        )


def counted_sql(kinds: Sequence[str]) -> str:
    """Return SQL for every touch that counts (person, key_id, action, campaign_key, happened_at, word), in brackets: those of
    `touches` of the kinds asked for, and opens and sends where they are."""
    kept = ["x.reason = ''"]
    if "click" not in kinds:
        kept.append("(x.action <> 4 OR x.channel = 'direct')")
    if "visit" not in kinds:
        kept.append("(x.action <> 9 OR x.channel = 'direct')")
    if "direct" not in kinds:
        kept.append("x.channel <> 'direct'")
    columns = "x.key_id, x.action, x.campaign_key, x.happened_at"
    text = f"SELECT x.person, {columns}, x.word FROM touches AS x WHERE {' AND '.join(kept)}"
    more = [str(journeys.KINDS[kind]) for kind in ("open", "send") if kind in kinds]
    if more:
        text += (
            f" UNION ALL SELECT COALESCE(p.person, x.key_id) AS person, {columns}, x.channel AS word FROM touchpoints AS x"
            f" LEFT JOIN person_of AS p ON p.key_id = x.key_id WHERE x.action IN ({', '.join(more)})"
            " AND COALESCE(x.is_machine, 0) = 0"
        )
    return f"({text})"


def _blocks(place: Mapping[int, int]) -> list[list[tuple[int, int]]]:
    found: list[list[tuple[int, int]]] = [[] for _ in range(-(-len(place) // _BITS))]
    for word, number in place.items():
        found[number // _BITS].append((word, number))
    return found


def _filled(name: str, words: Mapping[str, str]) -> str:
    text = load(name, journeys.PACKAGE)
    for word, value in words.items():
        text = text.replace(f"/*{word}*/", value)
    return text


def as_rule(model: AttributionModel, found: Fitted, words: Mapping[int, str]) -> AttributionModel:
    """Return a fitted model as a rule over the journey's columns; one that could not be fitted with its reason."""
    if found.reason is not None:
        return replace(model, fit=None, fitted=found, reason=found.reason)
    strengths, params = strength_sql(found.strengths, words)
    weight = found.weight.replace(":channel_strength", strengths) if found.weight else f"{strengths} / j.channel_touches"
    return replace(model, fit=None, fitted=found, weight=weight, params={**found.params, **params})


def strength_sql(strengths: Mapping[str, float], words: Mapping[int, str]) -> tuple[str, dict[str, float]]:
    """Return SQL for the strength of a touch's channel, at most 1, and its parameters."""
    most = max(strengths.values(), default=0.0)
    params: dict[str, float] = {}
    cases = ""
    for word, name in words.items():
        relative = strengths.get(name, 0.0) / most if most > 0 else 0.0
        if relative >= 1e-6:
            cases += f" WHEN {word} THEN :strength_{word}"
            params[f"strength_{word}"] = relative
    return f"(CASE j.word{cases} ELSE {_NEVER:e} END)" if cases else f"{_NEVER:e}", params


def populations(models: Iterable[AttributionModel], period: tuple[int, int] | None = None) -> list[Estimate]:
    """Return `credit_population` of prepared models, in conversions by channel; null with the reason where there is none."""
    out = []
    for model in models:
        found: Fitted | None = model.fitted
        if found is None:
            continue
        if found.reason is not None:
            out.append(Estimate("credit_population", None, unit="count", reason=found.reason, by={"model": model.name}))
            continue
        ordered = sorted(found.population.items(), key=lambda item: (-item[1], item[0]))
        for name, value in ordered:
            by = {"model": model.name, "channel": name or "(unknown)"}
            error = found.errors.get(name)
            low, high, said = None, None, NO_INTERVAL
            if error is not None:
                low, high, said = (
                    value - _TWO_SIDED * error,
                    value + _TWO_SIDED * error,
                    "the interval is that of sampling alone",
                )
            note = "; ".join(part for part in (UP_TO_NOW, found.note, said) if part)
            out.append(Estimate("credit_population", value, low, high, unit="count", by=by, period=period, note=note))
    return out
