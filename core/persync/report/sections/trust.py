"""May we, and do they trust us: consent behind the mail, what went out without one, control, and what people say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure.ethics import consent, control, practice, prices, transparency, trust
from persync.measure.ethics.consent import VIOLATIONS
from persync.report import charts, words
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table
from persync.report.sections import exchange

MOST: Final = 20
"""so many messages are listed; the metric lists them all"""
SAMPLES: Final = 5
"""so many explanations are shown"""
NAMES: Final = {
    "double_opt_in": "Subscribed with a confirmed opt-in",
    "implied_consent": "May be mailed for a purchase or an inquiry alone (Canada)",
    "implied_consent_ending": "Of them, time runs out within 90 days",
    "opt_outs_honoured": "Opt-outs of personalisation honoured",
    "preference_reach": "Looked at their preferences",
    "consent_kept": "Neither left nor complained",
    "decision_explainability": "Personalised messages with a reason",
    "transparency_score": "Transparency checklist met",
    "data_used": "Fields held that a message uses",
    "trust_index": "Trust, by surveys",
    "manipulation_check": "Messages with a flag to look at",
    "price_raised_before_discount": "Discounts whose price rose shortly before, to look at",
}
"""what is shown of each number, in the order of the table"""
BARS: Final = tuple(
    id
    for id, title in NAMES.items()
    if not title.endswith("to look at") and id not in ("data_used", "implied_consent", "implied_consent_ending")
)
"""those of which more is better"""


def build_trust(inputs: Inputs) -> Sequence[Block]:
    """Return the answer in words, the consent behind the mail, the list of violations, and what is known of trust."""
    engine, ask = inputs.engine, inputs.ask
    basis = consent.consent_basis(engine, ask)
    violations = consent.consent_violations(engine, ask)
    steered = control.control_metrics(engine, ask)
    numbers = [
        *basis,
        *_implied(consent.implied_consent(engine, ask)),
        *steered,
        *trust.trust_index(engine, ask),
        *transparency.decision_explainability(engine, ask),
        *transparency.transparency_score(engine, ask),
        *transparency.data_used(engine, ask),
        *practice.manipulation_check(engine, ask),
        *prices.raised_before_discount(engine, ask),
    ]
    if not any(one.value is not None or one.reason == "suppressed" for one in numbers):
        raise DataError("nothing is known of consents, of trust, or of what personal messages rest on.")
    blocks: list[Block] = [Note(sentence(violations, steered), "answer", "May we, and do they trust us?")]
    if states := [one for one in basis if one.id == "consent_basis" and one.value != 0 and "state" in one.by]:
        columns = (Column("state", "Consent behind the last message"), Column("share", "Recipients", "estimate"))
        rows = tuple((one.by["state"], one) for one in states)
        blocks.append(Table("consent_basis", "What consent stood behind the mail", columns, rows))
    listed = [one for one in violations if "violation" in one.by] + [one for one in steered if one.id == "opt_out_violations"]
    if listed:
        blocks.append(_violations(listed))
    blocks.append(_numbers(numbers))
    blocks += figure(numbers)
    blocks += _reasons(transparency.decision_explainability(engine, replace(ask, by=("msg",))))
    blocks.append(_lines(control.sender_rules(engine, ask)))
    return [*blocks, *exchange.blocks(inputs), _NO_ADVICE]


def sentence(violations: Sequence[Estimate], steered: Sequence[Estimate]) -> str:
    """Say how many messages went without a consent that held and whether opt-outs of personalisation are kept."""
    total = violations[0]
    kinds = list(dict.fromkeys(VIOLATIONS[one.by["violation"]] for one in violations[1:] if "violation" in one.by))
    if total.reason == "suppressed":
        said = [
            f"A few of {words.plural(total.n or 0, 'message')} to one person each, too few to say how many, went without a"
            f" consent that is known to have held: {words.listing(kinds)}."
        ]
    elif total.value is None:
        said = [f"Whether we may is not known: {words.reason(total.reason)}."]
    elif total.value == 0:
        said = [f"Of {words.plural(total.n or 0, 'message')} to one person each, none is known to have gone without a consent."]
    else:
        said = [
            f"{words.number(total.value)} of {words.plural(total.n or 0, 'message')} to one person each went without a consent"
            f" that is known to have held: {words.listing(kinds)}."
        ]
    broken = [one for one in steered if one.id == "opt_out_violations"]
    if broken:
        said.append(f"{words.plural(len(broken), 'message')} went personalised to people who had opted out of that.")
    elif any(one.id == "opt_outs_honoured" and one.value is not None for one in steered):
        said.append("Nobody who opted out of personalisation is known to have got any after it.")
    return " ".join(said)


def _implied(found: Sequence[Estimate]) -> Sequence[Estimate]:
    """Return how many may be mailed for a while only, and nothing where nobody is known to be in Canada."""
    return found if found and found[0].value != 0 and found[0].value is not None else ()


def _violations(listed: Sequence[Estimate]) -> Table:
    columns = (
        Column("date", "Sent"),
        Column("message", "Message"),
        Column("people", "People", "estimate"),
        Column("what", "What"),
    )
    rows: list[tuple[Cell, ...]] = []
    newest = sorted(listed, key=lambda one: one.by["date"], reverse=True)
    for one in newest[:MOST]:
        bare = Estimate(one.id, one.value, unit="count", reason=one.reason)
        rows.append((one.by["date"], one.by["title"], bare, one.note))
    more = f"; the newest {MOST} of {len(listed)}" if len(listed) > MOST else ""
    return Table("violations", f"Messages to look at{more}", columns, tuple(rows))


def _whole(numbers: Sequence[Estimate]) -> dict[str, Estimate]:
    """Return by id what is about everybody, the first of each."""
    return {one.id: one for one in reversed(numbers) if not set(one.by) & {"msg", "state"}}


def figure(numbers: Sequence[Estimate]) -> list[Block]:
    """Return the shares and the index as bars out of a hundred; what counts against trust is left to the table."""
    found = _whole(numbers)
    shown = {id: found[id] for id in BARS if id in found and found[id].value is not None}
    if len(shown) < 2:
        return []
    rows = []
    for id, one in shown.items():
        scale = 100.0 if one.unit in ("share", "points") else 1.0
        ends = {"value": one.value, "low": one.low, "high": one.high}
        rows.append({"name": NAMES[id], **{name: None if end is None else scale * end for name, end in ends.items()}})
    said = "; ".join(f"{NAMES[id]}: {words.brief(one)}" for id, one in shown.items())
    spec = charts.levels(rows, unit="of 100")
    caption = "What speaks for trust, out of 100, with 95 % intervals"
    return [Figure("trust_figure", caption, f"Out of 100. {said}.", spec, _numbers(numbers))]


def _numbers(numbers: Sequence[Estimate]) -> Table:
    found = _whole(numbers)
    rows = tuple((title, found[id]) for id, title in NAMES.items() if id in found)
    return Table(
        "trust", "Control, transparency and trust", (Column("what", "What"), Column("value", "Value", "estimate")), rows
    )


def _reasons(each: Sequence[Estimate]) -> list[Block]:
    """Return a few of the personalised messages with what made people receive them, the largest for each reason: one without
    a reason is among them."""
    told = sorted((one for one in each if one.value is not None), key=lambda one: (-(one.n or 0), one.by["msg"]))
    known, unknown = ([one for one in told if bool(one.value) is has] for has in (True, False))
    largest: dict[str, Estimate] = {}
    for one in known:
        largest.setdefault(one.note, one)
    shown = [*list(largest.values())[: SAMPLES - len(unknown[:1])], *unknown[:1]]
    if not shown:
        return []
    columns = (Column("message", "Message"), Column("people", "People"), Column("why", "Why they got it"))
    rows = tuple((one.by["title"], one.n or 0, one.note) for one in shown)
    more = f": {len(shown)} of {len(told)}" if len(told) > len(shown) else ""
    return [Table("reasons", f"Why people got a personalised message{more}", columns, rows)]


def _lines(rules: Sequence[Estimate]) -> Table:
    columns = (Column("rule", "Rule"), Column("value", "Complaints", "estimate"), Column("verdict", "Verdict"))
    rows = tuple((one.by["rule"], one, one.by["verdict"]) for one in rules)
    return Table("sender_rules", "The lines of the big mailbox providers", columns, rows)


_NO_ADVICE: Final = Note(
    "A list for a person to look at, no legal advice: which consent is needed depends on the country and on what people are"
    " to the shop. Most mailbox providers report no complaints, so complaints are above a line or none above it was reported:"
    " nobody knows that they are fewer. One-click unsubscribing is a header that no platform tells. Flags are raised by rules"
    " over subject lines, segments and what came back; a person confirms or dismisses them.",
    "definition",
    "What this rests on",
)

SECTION = Section("trust", "May we, and do they trust us?", build_trust, order=520)
