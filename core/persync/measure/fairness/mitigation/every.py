"""Everything that can be mitigated: the imported decisions, and what is behind the surest gap that a scan finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate
from persync.measure import attributes, rules
from persync.measure.fairness import bases, directions
from persync.measure.fairness.decisions import names
from persync.measure.fairness.mitigation.behind import Choice, choices, generic, surest
from persync.measure.fairness.mitigation.suggest import mitigate
from persync.measure.fairness.mitigation.told import FRONTIER, LEFT
from persync.measure.fairness.scan import NO_ATTRIBUTES, scan
from persync.measure.fairness_settings import Direction
from persync.measure.metric import Ask

NO_GAP: Final = "no_gap"


def of_surest(
    engine: Engine,
    ask: Ask,
    attribute: str,
    direction: Direction | None = None,
    prices: Mapping[str, float] | None = None,
    *,
    unknown: bool = False,
) -> list[Estimate]:
    """Mitigate what is behind the surest gap by an attribute, as the report does; null, `no_gap`, where nothing is.

    Raises DataError for an attribute that nobody has.
    """
    if bare := bases.unstated(engine, [attribute]):
        return [bases.null([attribute], bare, id="bias_mitigation", unit="ratio")]
    wanted = choices(scan(engine, ask, [attribute], direction=direction), directions.turned(ask, direction), generic(engine))
    found = surest(engine, ask, wanted, direction, prices, unknown=unknown)
    return _said(*found) if found else [_no_gap("bias_mitigation", attribute)]


def of_all(engine: Engine, ask: Ask, id: str) -> list[Estimate]:
    """Mitigate every imported decision, and what else is behind the surest gap of a scan, by each attribute named in `ask.by`,
    or by all; return the estimates that a metric is about."""
    wanted = tuple(dict.fromkeys(ask.by)) or tuple(attributes.usable(engine))
    if not wanted:
        return [rules.absent(id, NO_ATTRIBUTES, {}, unit="ratio", note="no attribute makes groups")]
    bare = bases.unstated(engine, wanted)
    out = [bases.null([name], [name], id=id, unit="ratio") for name in bare]
    held, stated = names(engine), [name for name in wanted if name not in bare]
    found = choices(scan(engine, ask, stated), ask, generic(engine)) if stated else []
    for attribute in stated:
        every = [mitigate(engine, ask, attribute, name) for name in held]
        others = [one for one in found if one.attribute == attribute and one.decision is None]
        if best := surest(engine, ask, others):
            every.append(_said(*best))
        told = [one for made in every for one in made if (one.id in FRONTIER) == (id == "fairness_roi_frontier")]
        out += told or [_no_gap(id, attribute)]
    return out


def _said(choice: Choice, made: Sequence[Estimate]) -> list[Estimate]:
    note = f"{choice.name} is behind the surest gap by {choice.attribute}"
    return [one if one.id == LEFT else rules.with_note(one, note) for one in made]


def _no_gap(id: str, attribute: str) -> Estimate:
    note = "nothing shown beyond chance that a decision, a message, or a segment or score named in [fairness] explains"
    return rules.absent(id, NO_GAP, {"attribute": attribute}, unit="ratio", label=RAW, note=note)
