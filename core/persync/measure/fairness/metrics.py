"""Every parity as a metric of its own: what `persync fairness` says of one matter, by the attributes asked for or by all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import attributes, rules
from persync.measure.fairness import bases, benefit, decisions, groups, mail, offer, own
from persync.measure.fairness.groups import Groups
from persync.measure.fairness.scan import NO_ATTRIBUTES
from persync.measure.grouping import ANY_ATTRIBUTE
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check

Source = Callable[[Engine, Sequence[Groups], Ask], list[Estimate]]
REACHED: Final = tuple(f"exposure_{part}" for part in ("rate", "unknown", "difference", "ratio", "smallest_gap", "homogeneity"))
NO_DECISIONS: Final = "no_decisions"


def _each(assess: Callable[[Engine, Groups, Ask], list[Estimate]]) -> Source:
    return lambda engine, made, ask: [one for groups in made for one in assess(engine, groups, ask)]


def _decided(engine: Engine, made: Sequence[Groups], ask: Ask) -> list[Estimate]:
    """Assess every decision in the store, and what [fairness] names of persync's own segments and scores."""
    names = decisions.names(engine)
    out = [one for name in names for one in decisions.assess_each(engine, made, ask, name)]
    return out + [one for mine in own.asked(ask) for one in own.assess_each(engine, made, ask, mine)]


MAIL: Final = _each(mail.exposure)
BURDEN: Final = _each(mail.burden)
OFFER: Final = _each(offer.offers)
IDENTITY: Final = _each(offer.identity)
BENEFIT: Final = _each(lambda engine, made, ask: benefit.assess(engine, made.names, ask))


@dataclass(frozen=True, slots=True)
class Parity:
    """What a metric is about: where its estimates come from, and what their ids begin with; `decided` says that only decisions
    have it."""

    id: str
    sources: tuple[Source, ...]
    of: tuple[str, ...]
    decided: bool = False

    def takes(self, one: Estimate) -> bool:
        """Tell whether an estimate is one of this metric's."""
        kind = one.by.get("of")
        if one.id in ("four_fifths", "demographic_parity") and kind is not None:
            return any(f"{kind}_rate".startswith(start) or one.id == start for start in self.of)
        return any(one.id.startswith(start) for start in self.of)


def compute(parity: Parity, unit: str, engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute a parity by each attribute in `ask.by`, else by all that make groups, two crossed only by `persync fairness`.

    An attribute without a stated basis is null, `no_basis`, and refused where it tells who somebody is; without attributes, or
    decisions where it takes one, null with that reason.
    """
    held = attributes.values(engine)
    check(ask.by, tuple(held), parity.id)
    attributes.refuse(engine, ask.by)
    wanted = list(dict.fromkeys(ask.by)) or attributes.usable(engine)
    bare = bases.unstated(engine, wanted)
    out = [bases.null([name], [name], id=parity.id, unit=unit) for name in bare]
    made = groups.of_each(engine, [name for name in wanted if name not in bare])
    if not made:
        return out or [rules.absent(parity.id, NO_ATTRIBUTES, {}, unit=unit, note="no attribute makes groups")]
    for source in parity.sources:
        for one in source(engine, made, ask):
            if parity.takes(one):
                out.append(one)
            elif parity.decided and one.id == "selection_rate" and one.n in (None, 0) and "group" not in one.by:
                out.append(replace(one, id=parity.id))  # nobody was decided about, or it cannot be told who
    if parity.decided and len(out) == len(bare):
        by = [{"attribute": groups.title} for groups in made]
        note = "no decision about people is in the store, and [fairness] names no segment or score"
        out += [rules.absent(parity.id, NO_DECISIONS, here, unit=unit, note=note) for here in by]
    return out


_DATA: Final = ("attributes", "contacts", "touchpoints", "decisions")
_EDGES: Final = (
    "Small groups are hidden together with others, and none of them meets four fifths. Which way a measure is good, and which"
    " decisions are a burden, [fairness] may say. An attribute without a stated basis: null, no_basis."
)


def _metric(
    parity: Parity, title: str, definition: str, formula: str, unit: str, number: str, data: tuple[str, ...] = _DATA
) -> Metric:
    made = partial(compute, parity, unit)
    return Metric(parity.id, title, definition, formula, unit, made, number, (ANY_ATTRIBUTE,), edge_cases=_EDGES, data=data)


METRICS: Final = (
    _metric(
        Parity("demographic_parity", (MAIL, OFFER, _decided), (*REACHED, "offered_", "selection_", "demographic_parity")),
        "Who is reached, offered and chosen",
        "By group: who was sent personalised mail, which customers were given a discount, and whom each decision, and"
        " each segment"
        " and score that [fairness] names, selected; with the gap and the ratio to the best group, and the four-fifths"
        " verdict.",
        "P(chosen | group): largest less smallest, smallest ÷ largest",
        "share",
        "126",
        (*_DATA, "orders", "order_discounts"),
    ),
    _metric(
        Parity("exposure_parity", (MAIL,), (*REACHED, "mean_level")),
        "Who is sent personalised mail",
        "By group: the share sent a message of level 2 or above, how many such messages, and the highest level received.",
        "people sent personalised mail ÷ people who could be mailed",
        "share",
        "126",
    ),
    _metric(
        Parity("frequency_parity", (MAIL,), ("mean_sends", "exposure_dose")),
        "How often each group is written to",
        "By group: messages and personalised messages a person who could be mailed.",
        "messages ÷ people who could be mailed",
        "sends",
        "126",
    ),
    _metric(
        Parity("suppression_parity", (BURDEN, _decided), ("dropped_", "unsent_")),
        "Who is chosen and then not written to",
        "By group: people whose message was held back after they had been chosen for it, and people whom a decision"
        " selected and"
        " who were sent nothing.",
        "people held back ÷ people chosen",
        "share",
        "126",
    ),
    _metric(
        Parity("four_fifths", (MAIL, BURDEN, OFFER, IDENTITY, _decided), ("four_fifths",)),
        "Four fifths",
        "Of every rate held between groups: the worse off to the better off, and whether that lies below 0.8 with its whole"
        " interval (below), above (meets), or is not shown either way. A screen, not a legal finding.",
        "rate of the worse off ÷ rate of the better off",
        "ratio",
        "127",
    ),
    _metric(
        Parity("equal_opportunity", (_decided,), ("true_positive_", "equal_opportunity"), decided=True),
        "Equal opportunity",
        "Of those who qualified (as the decision's file says; of segments and scores: who ordered after it), the share"
        " selected, by"
        " group.",
        "P(selected | qualified, group)",
        "share",
        "128",
    ),
    _metric(
        Parity("equalised_odds", (_decided,), ("true_positive_", "false_positive_", "equalised_odds"), decided=True),
        "Equalised odds",
        "The worse of the gaps in true and in false positives between groups, with both rates.",
        "max(gap of P(selected | qualified), gap of P(selected | not qualified))",
        "share",
        "129",
    ),
    _metric(
        Parity("predictive_parity", (_decided,), ("precision_", "predictive_parity", "calibration", "base_"), decided=True),
        "Predictive parity",
        "Of those selected, the share who qualified, by group; how far outcomes lie from scores; and the groups' base"
        " rates, which"
        " say whether this, equal opportunity and demographic parity can hold together.",
        "P(qualified | selected, group)",
        "share",
        "130",
    ),
    _metric(
        Parity(
            "benefit_parity",
            (BENEFIT, OFFER, BURDEN),
            ("benefit_", "offer", "discount_", "free_shipping_", "price_", "ignored_", "complained_", "unsubscribed_"),
        ),
        "Who gains by it, and who pays",
        "By group: what experiments changed in spending (outcome revenue) and in what discounts spared a customer (outcome"
        " saving), discounts given and their value, orders sent for nothing, prices"
        " paid, and"
        " what mail costs people: irrelevant messages, complaints, unsubscribes.",
        "largest less smallest group of each",
        "money",
        "131",
        (*_DATA, "assignments", "orders", "order_ledger", "order_lines", "order_discounts"),
    ),
    _metric(
        Parity("offer_parity", (OFFER,), ("offer", "discount_", "free_shipping_", "price_")),
        "Who is offered what",
        "By group: customers given a discount, what it was worth a customer, its share of prices, orders sent for"
        " nothing, and the"
        " price paid a piece, all as the customer pays, tax included.",
        "discounts ÷ customers; discounts ÷ (paid + discounts); paid ÷ pieces",
        "money",
        "131",
        ("attributes", "orders", "order_ledger", "order_lines", "order_discounts"),
    ),
    _metric(
        Parity("burden_parity", (BURDEN,), ("ignored_", "complained_", "unsubscribed_", "dropped_")),
        "Who bears the cost of mail",
        "By group, of the messages delivered: those neither opened nor clicked, complained of, or left after; and people"
        " held back.",
        "messages complained of ÷ messages delivered",
        "share",
        "131",
    ),
)
