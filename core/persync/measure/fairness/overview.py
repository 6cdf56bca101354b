"""Fairness by an attribute: every parity that the store has data for."""

from __future__ import annotations

from collections.abc import Sequence

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure.fairness import benefit, decisions, directions, groups, mail, offer
from persync.measure.fairness_settings import Direction
from persync.measure.metric import Ask


def assess(
    engine: Engine,
    attribute: str | Sequence[str],
    ask: Ask,
    *,
    decision: str | None = None,
    direction: Direction | None = None,
) -> list[Estimate]:
    """Assess fairness by an attribute, or by two crossed.

    Without `decision`: exposure to personalised mail (`exposure_rate`, `exposure_unknown`, `exposure_dose`, `mean_sends`,
    `mean_level`), then the benefit each group had from every experiment with a control that falls into the period
    (`benefit_difference`, `benefit_interaction`, `benefit_parity` ...; `outcome` in `by` is revenue, what the shop took more,
    and saving, what discounts spared the customer), who bears the cost of mail (`dropped_rate`,
    `unsubscribed_rate`, `complained_rate`, `ignored_share`), who is offered what (`offered_rate`, `offer_value`,
    `discount_share`, `free_shipping_share`,
    `price_paid`) and whom the systems know (`matched_rate`). With `decision`: see `decisions.assess`.

    Each comes overall (no `group` in `by`) and by group, then each group `against` the best known one: `_difference`, `_ratio`,
    `_smallest_gap` (what could have been seen with a power of 80 %), of rates `four_fifths` (the ratio again, its `verdict` in
    `by` and first in the note), and the worst against the best as `demographic_parity` or `_parity` (`statistic` difference and
    ratio). `direction` says whether being sent personalised mail, or selected, is good (`more`) or a burden (`less`); without
    it that is as the settings have it.

    With nobody to assess in the period the overall rate is null, `no_denominator`. Raises DataError when nobody has the
    attribute, it has more than 50 values, or the decision is unknown.
    """
    ask = directions.turned(ask, direction)
    made = groups.of(engine, attribute)
    if decision is not None:
        return decisions.assess(engine, made, ask, decision)
    return [
        *mail.exposure(engine, made, ask),
        *benefit.assess(engine, made.names, ask),
        *mail.burden(engine, made, ask),
        *offer.offers(engine, made, ask),
        *offer.identity(engine, made, ask),
    ]
