"""Whether the goal was reached, and whether what must not get worse did: the part of the answer that the settings ask for."""

from __future__ import annotations

from collections.abc import Sequence

from persync.estimate import Estimate
from persync.measure import verdict
from persync.measure.goal import days_of
from persync.report import words
from persync.report.findings import Effect, metric
from persync.report.report import Inputs, Note


def goal_note(inputs: Inputs) -> Note | None:
    """Return what the metrics of the stated goal are now, None where no goal was stated."""
    stated = inputs.ask.goal
    if stated is None:
        return None
    every = metric(inputs, "goal")
    # Of days to come nothing is known of any metric that the goal names: one estimate says so for all of them.
    said = [f"{words.capital(e.note or words.brief(e))}." for e in every if not e.by]
    found = [e for e in every if set(e.by) == {"metric", "role"}]
    said += [_reading(inputs, e) for e in sorted(found, key=lambda e: e.by["role"] != "primary")]
    looked = f"Over {words.period(days_of(inputs.ask), inputs.ask.timezone)}."
    return Note(" ".join([f"{stated.text.rstrip('.')}.", *said, looked]), "answer", "Where does the goal stand?")


def _reading(inputs: Inputs, e: Estimate) -> str:
    known = inputs.metrics.get(e.by["metric"])
    name = known.title if known is not None else e.by["metric"]
    role = "" if e.by["role"] == "primary" else ", which must not get worse"
    return f"{name}{role}: {words.brief(e)}."


def rails_note(controlled: Sequence[Effect], confidence: float) -> Note | None:
    """Return what the tests say of their guard rails, judged together (rule E8); None where no test has one."""
    rails = [
        (effect, other)
        for effect in controlled
        for other in (effect.conversion, *effect.others)
        if other is not None and other.by["outcome"] in effect.experiment.guard_rails
    ]
    if not rails:
        return None
    found = verdict.judge([other for _, other in rails], confidence)
    said = [_rail(effect, other, word.word) for (effect, other), word in zip(rails, found, strict=True)]
    return Note(" ".join(said), "answer", "Did anything get worse?")


def _rail(effect: Effect, other: Estimate, word: verdict.Word) -> str:
    what = f"'{other.by['outcome']}' of '{effect.arm}' against '{effect.against}'"
    shown = {"costs": "got worse", "pays": "got better", "cannot tell": "is not shown to have got worse or better"}[word]
    return f"The guard rail {what} {shown}: {words.sentence(other)}."
