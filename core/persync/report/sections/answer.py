"""The answer, in words computed from the estimates: does it pay, for whom, what the platforms claim, who is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.errors import PersyncError
from persync.estimate import Estimate
from persync.measure import verdict
from persync.measure.fairness import directions
from persync.measure.returns import OUTSIDE, Return
from persync.report import words
from persync.report.findings import Effect, aside, effects, other_days, outside, returned
from persync.report.report import PROFILES, Block, Cell, Column, Inputs, Note, Section, Table
from persync.report.sections import brief, fairness, goal, health, notice, pays, reconcile, whom

MOST_NUMBERS: Final = 6
"""so many are shown large: whoever begins reads no more"""


def build_answer(inputs: Inputs) -> Sequence[Block]:
    """Return the headline, one answer a question, and the few numbers behind them; for a beginning what fits on one page."""
    found, problems = effects(inputs)
    controlled = ranked([effect for effect in found if effect.has_control])
    returns = returned(inputs)
    claims = _claims(inputs)
    blocks: list[Block] = [*notice.notices(inputs), Note(headline(controlled, returns, is_outside=outside(inputs)), "answer")]
    days = other_days(inputs)
    if inputs.profile == "starter":
        tiles = _tiles(controlled, returns, claims, brief.filling(inputs))
        blocks += [tiles] if tiles.rows else []
        blocks += [Note(" ".join(days), "answer", "Which days?")] if days else []
        blocks += [*brief.steps(inputs), Note(_whom(inputs), "answer", "For whom?"), _left_out(inputs)]
        return [*blocks, Note(" ".join(_unknown(inputs, controlled, returns, problems)), "answer", "What is not known?")]
    if days:
        blocks.append(Note(" ".join(days), "answer", "Which days?"))
    if len(controlled) > 1:
        blocks.append(Note(" ".join(map(pays.sentence, controlled)), "answer", "What did each mail do?"))
    if returns:
        blocks.append(Note(" ".join(map(pays.return_sentence, returns)), "answer", "At what cost?"))
    blocks += [note for note in (goal.goal_note(inputs), goal.rails_note(controlled, inputs.ask.confidence)) if note]
    blocks.append(Note(_whom(inputs), "answer", "For whom?"))
    blocks += [Note(_raw(effect), "answer", "Do the raw numbers mislead?") for effect in controlled[:1] if effect.overstated]
    if claims is not None:
        blocks.append(Note(reconcile.sentence(claims), "answer", "Do the platforms over-claim?"))
    blocks.append(_left_out(inputs))
    blocks.append(Note(" ".join(_unknown(inputs, controlled, returns, problems)), "answer", "What is not known?"))
    tiles = _tiles(controlled, returns, claims)
    return [*blocks, tiles] if tiles.rows else blocks


def ranked(controlled: Sequence[Effect]) -> list[Effect]:
    """Return effects held against a control, what is decided first, and among those the largest first."""
    order = {"pays": 0, "costs": 1, "cannot tell": 2}
    return sorted(controlled, key=lambda effect: (order[effect.verdict], -(effect.revenue.value or 0.0)))


def headline(controlled: Sequence[Effect], returns: Sequence[Return], *, is_outside: bool = False) -> str:
    """Answer in one or two sentences whether it pays; yes only where something was caused and its cost is covered.

    `is_outside`: there are experiments, but none falls into the asked period.
    """
    if is_outside:
        return f"We cannot tell whether it paid: {OUTSIDE}."
    if not controlled:
        return "We cannot tell whether it pays: nobody was held back or drawn by lot, so what the mail caused is not known."
    return _headline(controlled[0], returns) + aside(controlled[0])


def _headline(first: Effect, returns: Sequence[Return]) -> str:
    change = first.revenue
    how = "a holdout" if first.experiment.holdout else "a randomised test"
    if first.verdict == "cannot tell":
        return f"We cannot tell yet whether it pays: {_doubt(first)}."
    assert change.value is not None
    amount = words.value(_unsigned(change))
    bounds = words.interval(_unsigned(change))
    if first.verdict == "costs":
        return f"No: in {how}, '{first.arm}' cost {amount} of revenue a customer (95 %: {bounds})."
    caused = f"in {how}, '{first.arm}' caused {amount} more revenue a customer (95 %: {bounds})"
    back = next((one for one in returns if one.experiment.name == first.experiment.name), None)
    if back is None or back.back.value is None:
        why = words.reason(back.back.reason) if back else "there is no cost to hold against it"
        return f"It sells more: {caused}. Whether it pays is not known: {why}."
    if back.word == "costs":
        return f"No: {caused}, and yet it brought in less than it cost."
    if back.word == "cannot tell":
        return f"It sells more: {caused}. Whether that covers its cost we cannot tell."
    yes = "Yes" if "gain is revenue" not in back.gain.note else "Yes, before the cost of goods"
    return f"{yes}: {caused}."


def _unsigned(difference: Estimate) -> Estimate:
    """Return a difference as an amount: the words around it say more or less."""
    turn = -1 if (difference.value or 0) < 0 else 1
    low, high = (None if end is None else end * turn for end in (difference.low, difference.high))
    if turn < 0:
        low, high = high, low
    return Estimate("amount", (difference.value or 0) * turn, low, high, unit=difference.unit)


def _doubt(effect: Effect) -> str:
    change = effect.revenue
    if change.value is None:
        return words.reason(change.reason)
    why = verdict.blocked(change)
    if why == verdict.CONTAMINATED:
        return f"'{effect.experiment.name}' is {verdict.bars(change.note)}"
    if why == verdict.NO_VERDICT:
        return f"the arms of '{effect.experiment.name}' are not of the planned sizes, so the test proves nothing"
    if why:
        return words.reason(why)
    return f"the change in revenue a customer is {words.brief(change)}, which does not rule out none"


def _whom(inputs: Inputs) -> str:
    found, _ = whom.group_effects(inputs)
    return whom.sentence(found) if found else whom.why_not(inputs)


def _raw(effect: Effect) -> str:
    assert effect.overstated is not None
    return (
        f"Yes. Counting all revenue that came after the mail overstates what it caused by {words.brief(effect.overstated)}:"
        " most of it would have come anyway."
    )


def _left_out(inputs: Inputs) -> Note:
    question = "Is anybody left out?"
    found, _ = fairness.assessments(inputs)
    if not found:
        return Note("Not known: no attribute of people was opted in or imported.", "answer", question)
    if notice.nobody_mailed(inputs.engine, inputs.ask):
        return Note(f"Not known: {notice.nothing_sent(inputs.ask)}", "answer", question)
    low = [e for estimates in found.values() for e in fairness.below(estimates)]
    unsure = [e for estimates in found.values() for e in fairness.judged(estimates) if e.by.get("verdict") == "not shown"]
    rest = ""
    if unsure:
        names = words.listing([f"{e.by['attribute']} {e.by['group']}" for e in unsure])
        rest = f" For {names} the data do not say." if len(unsure) <= 4 else f" For {len(unsure)} groups the data do not say."
    if not low:
        groups = f"No group by {words.listing(sorted(found))}"
        return Note(f"{groups} is shown to get personalised mail less than four fifths as often.{rest}", "answer", question)
    is_burden = directions.of("exposure_rate", inputs.ask) == "less"
    few, many = ("against", "group") if is_burden else ("group", "against")
    said = [
        f"{words.value(e)} as often to {e.by['attribute']} {e.by[few]} as to {e.by[many]} (95 %: {words.interval(e)})"
        for e in low
    ]
    what = "personalised mail, here a burden," if is_burden else "personalised mail"
    text = f"Yes: {what} went {words.listing(said)}; less than four fifths is a warning.{rest}"
    return Note(text, "answer", question)


def _unknown(inputs: Inputs, controlled: Sequence[Effect], returns: Sequence[Return], problems: Sequence[str]) -> list[str]:
    said = list(problems)
    if inputs.ask.goal is None:
        said.append("What the goal is: none was stated before looking ([goal] in persync.toml).")
    if outside(inputs):
        said.append("What the mail caused in this period: ask for the days of a test.")
    elif not controlled:
        said.append("What the mail caused: hold back a group drawn by lot next time.")
    if any("gain is revenue" in one.gain.note for one in returns):
        said.append("What the goods cost: set a margin to turn revenue into gain.")
    return [*said, *health.gaps(inputs), "What people who were never tested would have done without the mail."]


def _claims(inputs: Inputs) -> reconcile.Reconciliation | None:
    try:
        return reconcile.read(inputs)
    except PersyncError:
        return None  # the section on the till says why


def _back(one: Return) -> str:
    return "revenue brought in over cost" if "gain is revenue" in one.gain.note else "margin brought in over cost"


def _tiles(
    controlled: Sequence[Effect],
    returns: Sequence[Return],
    claims: reconcile.Reconciliation | None,
    filling: Sequence[tuple[Cell, ...]] = (),
) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for effect in controlled[:2]:
        rows.append(
            (f"Extra revenue a customer, '{effect.arm}'", effect.revenue, f"net, against '{effect.against}'; {effect.verdict}")
        )
    if controlled and controlled[0].conversion is not None:
        rows.append((f"Extra buyers, '{controlled[0].arm}'", controlled[0].conversion, "share of customers who bought"))
    rows += [("Came back for each unit spent", replace(one.back, note=""), _back(one)) for one in returns[:1]]
    rows += [
        ("Raw numbers overstate by", effect.overstated, "revenue after the mail over revenue caused")
        for effect in controlled[:1]
        if effect.overstated
    ]
    if claims is not None:
        rows += reconcile.tile(claims)
    columns = (Column("what", "What"), Column("value", "Value", "estimate"), Column("why", "What it is"))
    shown = tuple([*rows[:5], *filling][:MOST_NUMBERS])
    return Table("key_numbers", "The numbers behind the answer", columns, shown, layout="tiles")


SECTION = Section("answer", "The answer", build_answer, order=100, profiles=PROFILES)
