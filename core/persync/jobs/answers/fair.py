"""Who is reached, who benefits and who bears the cost, by group, and what could be done about it: the answers of
`persync fairness`, `persync fairness mitigate` and `persync fairness decisions`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from persync.errors import ConfigError, DataError
from persync.jobs.answers.each import read_each

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.estimate import Estimate
    from persync.measure.fairness import Direction
    from persync.measure.fairness.own import Own
    from persync.measure.metric import Ask
    from persync.store.store import Store

NO_ATTRIBUTE = 'Import attributes, or opt in with [connections.NAME] attributes = { country = "why you may hold it" }.'


def own_of(segment: str | None, score: str | None, threshold: float | None) -> Own | None:
    """Return the segment or score that is named, None for neither. Raise ConfigError for a score without its threshold."""
    if (score is None) != (threshold is None):
        raise ConfigError("--score and --threshold go together.")
    from persync.measure.fairness.own import Own

    if segment is not None:
        return Own(segment)
    return Own(score, threshold) if score is not None else None


def refuse_several(**named: str | None) -> None:
    """Raise ConfigError where more than one of some things is named to be assessed."""
    if sum(value is not None for value in named.values()) > 1:
        *names, last = (f"--{name}" for name in named)
        raise ConfigError(f"name one of {', '.join(names)} and {last}.")


def assessed(
    engine: Engine,
    ask: Ask,
    *,
    attributes: Sequence[str],
    cross: str | None,
    decision: str | None,
    own: Own | None,
    tell: Callable[[str], object],
) -> list[Estimate]:
    """Assess who is mailed, or a decision, by groups of these attributes (none: all) and of two crossed (`A,B`).

    `tell` is told of attributes without a basis, of those without data, of days without mail, and of rules that aim at groups.
    Raise DataError where there is no attribute, and ConfigError for one that may not be asked for.
    """
    from persync.measure.attributes import refuse
    from persync.measure.fairness import assess, bases, groups
    from persync.measure.fairness import own as own_decisions
    from persync.measure.fairness.decisions import assess_each
    from persync.report.sections.notice import nobody_mailed, nothing_sent

    found = engine.rows("SELECT DISTINCT a.name AS name FROM attributes AS a")
    crossed = tuple(part.strip() for part in cross.split(",")) if cross is not None else ()
    if cross is not None and len(crossed) < 2:
        raise ConfigError("groups are crossed from two different attributes.", hint="--cross takes A,B.")
    named = [(name,) for name in attributes] + ([crossed] if crossed else [])
    wanted = named or [(name,) for name in sorted(str(row["name"]) for row in found)]
    if not wanted:
        raise DataError("no attribute of people is in the store.", hint=NO_ATTRIBUTE)
    refuse(engine, [name for names in named for name in names])
    lacking = {names: bases.unstated(engine, names) for names in wanted}
    estimates = [bases.null(names, bare, own.title if own else decision) for names, bare in lacking.items() if bare]
    wanted = [names for names in wanted if not lacking[names]]
    if not wanted:
        pass  # no group may be made: what is said is why
    elif decision is not None or own is not None:  # all groups from one look at the people
        made = read_each(wanted, lambda names: [groups.of(engine, names)], tolerant=not named, tell=tell)
        estimates += (
            own_decisions.assess_each(engine, made, ask, own) if own else assess_each(engine, made, ask, decision or "")
        )
    else:
        estimates += read_each(wanted, lambda names: assess(engine, names, ask), tolerant=not named, tell=tell)
        if nobody_mailed(engine, ask):
            tell(nothing_sent(ask))
    for line in _said(engine, sorted({name for names in lacking for name in names})):
        tell(line)
    return estimates


def _said(engine: Engine, names: list[str]) -> list[str]:
    """Return what is to be said of attributes: held without a stated basis, or aimed at by the rules of segments."""
    from persync.measure.attributes import HOW, left_out
    from persync.measure.fairness import bases, targeting

    bare = bases.unstated(engine, names)
    said = [f"'{name}' is held without a stated basis: nobody is compared by it. {HOW}" for name in bare]
    said += left_out(engine, names)
    said += [f"the segment '{rule.segment}' is chosen by {rule.what}: {rule.rule}." for rule in targeting.rules(engine)]
    return said + [f"the message '{rule.segment}' is for people chosen by {rule.what}." for rule in targeting.campaigns(engine)]


def prices_of(gain: float | None, cost: float | None) -> Mapping[str, float] | None:
    """Return what choosing brings and costs, None where neither is said. Raise ConfigError for one without the other."""
    if (gain is None) != (cost is None):
        raise ConfigError("--gain and --cost go together.")
    return None if gain is None or cost is None else {"right_choice": gain, "choice": cost}


def mitigated(
    engine: Engine,
    ask: Ask,
    attribute: str,
    *,
    decision: str | None,
    message: str | None,
    own: Own | None,
    direction: Direction | None,
    prices: Mapping[str, float] | None,
    unknown: bool,
    tell: Callable[[str], object],
) -> list[Estimate]:
    """Return what could be done about a decision, or about the one behind the surest gap where none is named.

    `tell` is told of people whom the attribute leaves out; raises as `mitigate` does.
    """
    from persync.measure.attributes import left_out, refuse
    from persync.measure.fairness import mitigation

    refuse(engine, [attribute])
    if decision is None and message is None and own is None:
        found = mitigation.of_surest(engine, ask, attribute, direction, prices, unknown=unknown)
    else:
        found = mitigation.mitigate(
            engine, ask, attribute, decision, direction, prices, message=message, own=own, unknown=unknown
        )
    for line in left_out(engine, [attribute]):
        tell(line)
    return list(found)


def decisions_json(store: Store) -> str:
    """Return what was decided about unfair decisions as the one JSON object of the command."""
    from persync.report.render.estimates import document
    from persync.report.words import iso
    from persync.store.chosen import noted

    choices: list[dict[str, Any]] = [{"at": iso(at), **asdict(one)} for at, one in noted(store)]
    return document("choices", choices)
