"""What there is to mitigate: the choice of people, a message's or a decision's, behind the surest gap that a scan finds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from persync.engine.engine import Engine
from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure.fairness.mitigation.suggest import mitigate
from persync.measure.fairness.own import Own, asked
from persync.measure.fairness_settings import Direction
from persync.measure.metric import Ask
from persync.measure.texts import join, piece, run

PERSONALISED: Final = 2
"""the lowest level that counts as personalised"""


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of people, a message's, an imported decision's or one of persync's own, that treats the groups of an attribute
    differently."""

    attribute: str
    message: str | None = None
    decision: str | None = None
    own: Own | None = None

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        if self.own:
            kind = "segment" if self.own.threshold is None else "score"
            return f"the {kind} '{self.own.name}'"
        return f"the message '{self.message}'" if self.message else f"the decision '{self.decision}'"

    @property
    def verb(self) -> str:
        """What befalls who is chosen."""
        return "sent it" if self.message else "selected"


def gaps(found: Sequence[Estimate]) -> list[Estimate]:
    """Return the gaps that a scan found of the groups that are worse off, the surest first."""
    return [e for e in found if e.id == "bias_gap" and e.by.get("of") == "worse"]


def generic(engine: Engine) -> frozenset[str]:
    """Return the titles of messages that are known not to be personal: none of them is behind a gap in personalised mail."""
    sql = (
        "SELECT c.title AS title FROM campaigns AS c LEFT JOIN campaign_of AS co ON co.campaign_key = c.campaign_key"
        " LEFT JOIN campaign_grades AS g ON g.campaign_id = COALESCE(co.campaign_id, c.campaign_key)"
        f" WHERE c.title IS NOT NULL GROUP BY c.title HAVING MAX(COALESCE(g.level, {PERSONALISED})) < {PERSONALISED}"
    )
    return frozenset(str(row["title"]) for row in run(engine, join(piece("campaign_grades"), sql), {}))


def choices(found: Sequence[Estimate], ask: Ask, besides: Collection[str] = ()) -> list[Choice]:
    """Return what a scan gives to mitigate, the surest gap first: a decision that selects a group less, and of mail the message
    that tells most about the attribute by which a group gets less, those titled as one of `besides` (`generic`) left out. A
    segment or score is one that [fairness] names."""
    mine = {one.title: one for one in asked(ask)}
    out = []
    for e in gaps(found):
        attribute, decision = e.by["attribute"], e.by.get("decision")
        if e.by["measure"] == "selection_rate" and decision is not None:
            own = mine.get(decision)
            out.append(Choice(attribute, own=own) if own else Choice(attribute, decision=decision))
        elif e.by["measure"] == "exposure_rate":
            tells = (p for p in found if p.id == "proxy_information" and p.by["attribute"] == attribute)
            titles = (p.by["rule"] for p in tells if p.by["kind"] == "message")
            message = next((title for title in titles if title not in besides), None)
            out += [Choice(attribute, message=message)] if message else []
    return list(dict.fromkeys(out))


def surest(
    engine: Engine,
    ask: Ask,
    wanted: Sequence[Choice],
    direction: Direction | None = None,
    prices: Mapping[str, float] | None = None,
    *,
    unknown: bool = False,
) -> tuple[Choice, list[Estimate]] | None:
    """Return the first of these choices that can be mitigated with all that `mitigate` tells of it; None where none can."""
    for choice in wanted:
        try:
            made = mitigate(
                engine,
                ask,
                choice.attribute,
                choice.decision,
                direction,
                prices,
                message=choice.message,
                own=choice.own,
                unknown=unknown,
            )
        except DataError:
            continue  # several messages of one title, or crossed groups
        points = [e for e in made if e.id == "frontier_ratio"]
        if points and all(e.value is not None for e in points):
            return choice, made
    return None
