"""Numbers in words: the one place that says how a value, its interval, its n and its standing are written.

Every renderer and every computed sentence uses these, so that a number reads the same wherever it stands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from persync.estimate import HOLDOUT, OBSERVATIONAL, RANDOMISED, RAW, Estimate
from persync.money import Money, exponent, from_minor

CAUSAL: Final = frozenset({RANDOMISED, HOLDOUT})
"""The labels that allow the word caused (edge rule E7)."""

LABELS: Final = {
    RANDOMISED: "randomised test",
    HOLDOUT: "holdout",
    OBSERVATIONAL: "adjusted, not randomised",
    RAW: "raw difference, not a cause",
}

REASONS: Final = {
    "no_denominator": "there is nothing to divide by",
    "too_few": "too few people to say",
    "immature": "the time window is not over yet",
    "no_cost": "no costs have been imported",
    "not_a_cost": "the costs entered add up to nothing or less",
    "no_cost_in_period": "no costs for it fall into these days",
    "no_start": "the day on which the programme began is not set",
    "no_ad_spend": "no advertising has been imported",
    "no_ad_spend_in_period": "no advertising falls into these days",
    "no_time_sheet": "no time sheet has been imported",
    "no_hours_before": "the time sheet does not tell the hours before and after",
    "no_hourly_rate": "no hourly rate is known",
    "no_output": "the time sheet does not tell what was made",
    "no_tickets": "no system that keeps tickets was read",
    "no_handling_cost": "what a ticket costs to answer is not set",
    "no_irr": "no rate of return exists for such payments",
    "irr_beyond": "the rate of return is beyond any that is worth telling",
    "several_irr": "several rates of return fit such payments",
    "not_arrived": "fewer than half have got there in the time observed",
    "not_within_horizon": "not within the months looked at",
    "proxies_off": "no proxy is switched on",
    "no_such_metric": "there is no metric of this name",
    "nothing_measured": "nothing that came back has been measured",
    "no_loyalty_attribute": "no attribute says who is in the programme",
    "no_survey": "no survey answers are known",
    "unpriced": "what a point is worth is not set",
    "not_one_number": "this is not one number",
    "cost_not_scoped": "the costs do not say which experiment they belong to",
    "longer_than_observed": "nobody left in the time observed",
    "no_wallet": "nobody told what they spend elsewhere",
    "immortal_time": "personalised mail came only after the first order, to those who stayed",
    "no_decisions": "there is no decision about people, or no attribute of theirs",
    "no_gap": "no gap between groups is shown that a choice of people explains",
    "no_facts": "nothing but the score is known of the people decided about",
    "no_proxy": "no other attribute tells anything about the group",
    "not_a_burden": "being chosen is what people want here, so sending them less would not help",
    "no_attributes": "no attribute of people that makes groups is in the store",
    "no_labels": "the decision's file does not say who turned out to qualify",
    "no_scores": "no scores are known of the people decided about",
    "score_not_a_share": "scores outside 0 to 1 are no shares",
    "nobody_qualified": "nobody in the group qualified",
    "no_discounts": "no discounts are known",
    "no_shipping": "no order was charged for shipping",
    "no_lines": "the lines of orders are not known",
    "no_exposure": "one of the groups to compare is empty",
    "no_date": "the day of the draw is not known",
    "no_cac": "what it costs to win a customer is not known",
    "not_yet": "not in the months observed",
    "not_reached": "fewer than half have come back in the time observed",
    "too_few_repeat_buyers": "too few customers have come back to fit a model to",
    "no_fit": "no model fits",
    "not_net": "margin is a share of net revenue, and the report is gross",
    "no_experiment": "no test or holdout has measured what the messages caused",
    "no_control": "no arm is named as the control",
    "nobody": "nobody is in an arm of it",
    "no_goal": "no goal was stated before looking",
    "no_metric": "there is no such metric",
    "no_baseline": "no before value was frozen",
    "too_early": "it has not run for its minimum of days yet",
    "nobody_mailed": "nobody was mailed in the last four weeks that are known",
    "nobody_bought": "nobody bought in those days, so there is no rate to improve on",
    "no_contacts": "there is no contact who may be mailed",
    "no_outcome": "nothing is known of the outcome that was to decide",
    "misconfigured": "its settings do not fit its arms",
    "no_orders": "there are no orders",
    "no_touches": "no order has a touchpoint before it",
    "too_few_conversions": "too few orders with touchpoints to fit a model to",
    "no_null_paths": "every path ends in an order, so there is nothing to hold them against",
    "model_failed": "its rule or its fit cannot be worked out",
    "no_strength": "no channel stands out from the paths that came to nothing",
    "no_unit_cost": "no cost of the goods is known, and no margin is set",
    "no_credit": "no order is credited to it",
    "no_holdout": "no holdout or test with a control has been read",
    "no_email_credit": "e-mail is credited with nothing in its days",
    "after_draw": "who or what is counted was settled after the draw, so the arms are not alike",
    "contaminated": "too many of those held out were mailed all the same, or too many were drawn into several arms",
    "sample_ratio": "the arms of the test are not of the planned sizes",
    "no_claims": "no platform claims anything",
    "no_flag": "the platform flags no machine opens",
    "not_measured": "the platform does not measure it",
    "one_group": "only one group is large enough",
    "lost_in_noise": "its people are too few beside the noise",
    "not_stated": "the shop does not state it",
    "hole": "the data have a hole in this period",
    "too_short": "too few months are known",
    "no_automation": "no such automation is known",
    "no_dated_sends": "the platform tells of these messages only in all, not by day",
    "buyers_only": "only those who bought are known to have come by it",
    "no_sends": "no dated messages are known",
    "not_randomised": "nobody drew lots for it",
    "no_carts": "no system that tells of carts has been read",
    "no_chats": "no system that tells of chats has been read",
    "no_sessions": "no visits have been imported",
    "no_segments": "nobody was known by then",
    "no_other_segments": "there is no other segment of its kind",
    "not_numbers": "its values are no numbers",
    "nothing_before": "nothing is known of the time before",
    "not_pulled": "it was not pulled",
    "no_activity": "no activity of people is known",
    "no_change_known": "it is not known when it was changed",
    "no_contracts": "no contracts are known",
    "no_basis": "no basis for holding it is stated",
    "no_groups": "no groups are known",
    "no_period": "it is asked for a period, and none was given",
    "no_place": "no attribute says where people are",
    "no_posts": "no posts have been imported",
    "no_price_history": "no price before a discount is held",
    "no_recommendations": "no platform says which items a message recommended",
    "suppressed": "hidden, because so few people could be recognised",
    "no_audit": "nobody has answered it: persync import audit",
    "not_priced": "what one is worth to you is not set",
    "no_currency": "the store knows no currency and none is set",
    "not_at_once": "it was not sent to all at once",
    "no_catalogue": "the list of products does not hold all that was bought",
    "no_consents": "no system tells of consents",
    "not_reported": "no platform tells it",
    "no_opt_outs": "nobody is known to have opted out of it",
    "mixed_currencies": "the amounts are in several currencies",
}

_UNITS: Final = {"points": "percentage points", "points of 100": "of 100", "ratio": "×"}
_DIFFERENCES: Final = frozenset(
    (
        "difference",
        "relative",
        "bias_gap",
        "difference_cuped",
        "difference_so_far",
        "uplift_by_segment",
        "uplift_shrunk",
        "observational_uplift",
        "placebo",
        "pull_back_advice",
        "conversion_uplift_relative",
        "ctr_improvement_relative",
    )
)
MINUS: Final = "\u2212"


def number(value: float, decimals: int = 0, *, signed: bool = False) -> str:
    """Return a number with thousands separators, a real minus sign and, if `signed`, a plus sign."""
    text = f"{abs(value):,.{decimals}f}"
    if not any(digit in text for digit in "123456789"):
        return text
    return f"{MINUS if value < 0 else '+' if signed else ''}{text}"


def money(amount: Money, *, signed: bool = False) -> str:
    """Return an amount with its currency: `1,234.50 EUR`."""
    decimals = exponent(amount.currency)
    exact = from_minor(abs(amount.minor), amount.currency)
    sign = MINUS if amount.minor < 0 else "+" if signed and amount.minor else ""
    return f"{sign}{exact:,.{decimals}f} {amount.currency}"


def share(value: float, decimals: int = 1) -> str:
    """Return a share (0.171) as a percentage: `17.1 %`."""
    return f"{number(value * 100, decimals)} %"


def times(value: float) -> str:
    """Return a ratio as a multiple: `1.85 ×`, with three digits below one."""
    return f"{number(value, 2 if abs(value) >= 0.1 else 3)} ×"


def p_value(p: float) -> str:
    """Return a p-value without false precision."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def is_currency(unit: str) -> bool:
    """Tell whether a unit is an ISO 4217 code."""
    return len(unit) == 3 and unit.isalpha() and unit.isupper()


def _base(unit: str) -> tuple[float, int]:
    """Return the factor and the fewest decimals a unit is shown with."""
    if unit in ("share", "points"):
        return 100.0, 1
    if is_currency(unit):
        return 1.0, exponent(unit)
    if unit in ("count", ""):
        return 1.0, 0
    return 1.0, 2 if unit == "ratio" else 1


def _decimals(estimate: Estimate) -> tuple[float, int]:
    """Return the factor and enough decimals to show two digits of the interval's half-width."""
    factor, fewest = _base(estimate.unit)
    if estimate.value is None or (fewest == 0 and isinstance(estimate.value, int)):
        return factor, fewest
    known = [end for end in (estimate.value, estimate.low, estimate.high) if end is not None and math.isfinite(end)]
    if (factor, fewest) == (1.0, 1) and all(float(end).is_integer() for end in known):
        return factor, 0  # whole days stay whole
    if estimate.low is not None and estimate.high is not None:
        scale = abs(estimate.high - estimate.low) * factor / 2
    else:
        scale = abs(estimate.value) * factor
        if is_currency(estimate.unit) and not estimate.label:
            return factor, fewest  # a sum of money, exact to its minor unit
        if fewest == 0 and float(estimate.value).is_integer():
            return factor, 0
    if scale <= 0 or not math.isfinite(scale):
        return factor, fewest
    digits = 1 - math.floor(math.log10(scale))
    # Shares of a few per cent and more do not gain by a third decimal, however many people stand behind them.
    most = 2 if estimate.unit in ("share", "points") and abs(estimate.value) >= 0.001 else 6
    return factor, max(fewest, min(most, digits))


def is_difference(estimate: Estimate) -> bool:
    """Tell whether a value is a difference, which carries its sign."""
    return estimate.unit == "points" or estimate.id in _DIFFERENCES or estimate.id.endswith("_difference")


def _unit(estimate: Estimate) -> str:
    """Return the unit to show: a difference of two shares is in percentage points, a relative one in per cent."""
    is_gap = is_difference(estimate) or estimate.id.endswith("_smallest_gap") or estimate.by.get("statistic") == "difference"
    return "points" if estimate.unit == "share" and is_gap and estimate.id != "relative" else estimate.unit


def _with_unit(text: str, unit: str, *, short: bool) -> str:
    if unit == "share":
        return f"{text} %"
    if unit in ("", "count"):
        return text
    return f"{text} {'points' if short and unit == 'points' else _UNITS.get(unit, unit)}"


def reason(code: str | None) -> str:
    """Return why a value is missing, in words."""
    if not code:
        return "no reason was given"
    return REASONS.get(code, code.replace("_", " "))


def value(estimate: Estimate, *, short: bool = False) -> str:
    """Return the value with its unit, or `not known: <why>`. `short` is for tables, where the note or the heading says more."""
    if estimate.value is None:
        return "hidden" if short and estimate.reason == "suppressed" else f"not known: {reason(estimate.reason)}"
    if estimate.unit == "p":
        return p_value(float(estimate.value))
    if estimate.id == "chance_to_win" and not 0.001 <= estimate.value <= 0.999:
        return "> 99.9 %" if estimate.value > 0.5 else "< 0.1 %"  # a chance is never all or none
    factor, decimals = _decimals(estimate)
    text = number(estimate.value * factor, decimals, signed=is_difference(estimate))
    return _with_unit(text, _unit(estimate), short=short)


def exact(estimate: Estimate, value: float) -> str:
    """Return a number in an estimate's unit with all the digits that tell it from a limit beside it."""
    return _with_unit(f"{value * _base(estimate.unit)[0]:g}", _unit(estimate), short=False)


def interval(estimate: Estimate) -> str:
    """Return the 95 % interval, in the value's unit and digits, or "" when there is none."""
    if estimate.value is None or (estimate.low is None and estimate.high is None):
        return ""
    factor, decimals = _decimals(estimate)
    signed = is_difference(estimate)

    def bound(end: float | None) -> str:
        if end is None or not math.isfinite(end):
            return "no bound"
        return number(end * factor, decimals, signed=signed)

    return f"{bound(estimate.low)} to {bound(estimate.high)}"


def label(estimate: Estimate) -> str:
    """Return the causal label in words, "" for a plain count."""
    return LABELS.get(estimate.label, estimate.label)


class Standing(NamedTuple):
    """What must stand beside a value; parts that do not apply are empty."""

    interval: str
    """`95 %: 0.49 to 1.05`; a comparison without one says `no interval`, a plain count or sum has none to show"""
    counts: str
    """n and p"""
    words: str
    """the causal label and the note"""

    def parts(self) -> tuple[str, ...]:
        """Return the parts there are."""
        return tuple(part for part in self if part)


_HOLM = re.compile(r"one of (\d+) comparisons, Holm-adjusted p ([0-9.e-]+)")


def _holm(found: re.Match[str]) -> str:
    return f"Holm {p_value(float(found[2]))} of {found[1]}"


def standing(estimate: Estimate) -> Standing:
    """Return the interval, n, p, causal label and note of an estimate in words."""
    between = interval(estimate)
    is_bare = not between and estimate.value is not None and estimate.label
    counts = [f"n = {number(estimate.n)}"] if estimate.n is not None else []
    if estimate.p is not None and estimate.unit != "p":
        counts.append(p_value(estimate.p))
    return Standing(
        f"95 %: {between}" if between else "no interval" if is_bare else "",
        ", ".join(counts),
        "; ".join(part for part in (label(estimate), _HOLM.sub(_holm, estimate.note)) if part),
    )


def sentence(estimate: Estimate) -> str:
    """Return the value and all that must stand beside it, on one line: for text and for computed sentences."""
    beside = "; ".join(standing(estimate).parts())
    return f"{value(estimate)} ({beside})" if beside else value(estimate)


def brief(estimate: Estimate) -> str:
    """Return the value with its interval alone, for sentences that give n and label in their own words."""
    between = interval(estimate)
    return f"{value(estimate)} (95 %: {between})" if between else value(estimate)


def zone(name: str) -> tzinfo:
    """Return the time zone of that name, UTC when there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def capital(text: str) -> str:
    """Return a text that begins as a sentence does."""
    return text[:1].upper() + text[1:]


def day(at: int, timezone: str) -> str:
    """Return epoch milliseconds as a date in the shop's zone: `1 March 2025`."""
    moment = datetime.fromtimestamp(at / 1000, zone(timezone))
    return f"{moment.day} {moment:%B %Y}"


def moment(at: int, timezone: str) -> str:
    """Return epoch milliseconds as date and time in the shop's zone: `2025-03-01 14:05`."""
    return datetime.fromtimestamp(at / 1000, zone(timezone)).strftime("%Y-%m-%d %H:%M")


def iso(at: int) -> str:
    """Return epoch milliseconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def period(between: tuple[int, int] | None, timezone: str) -> str:
    """Return a half-open period in words, its last day included."""
    if between is None:
        return "all that the data cover"
    first, last = day(between[0], timezone), day(max(between[0], between[1] - 1), timezone)
    return first if first == last else f"{first} to {last}"


def lead(heading: str, text: str) -> str:
    """Return a heading that runs into its text: one of several words is a sentence of its own before one that begins anew;
    else it ends with a colon."""
    if heading.endswith(("?", "!", ".", ":")):
        return heading
    return f"{heading}." if " " in heading.strip() and text[:1].isupper() else f"{heading}:"


def listing(items: Sequence[str], last: str = "and") -> str:
    """Return `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""


def plural(count: int, one: str, many: str = "") -> str:
    """Return `1 order` or `2 orders`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"
