"""Who gets the mail and who bears its cost: exposure, level, frequency, held-back messages, and what people say to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.fairness.averages import Sample, averages, ratio_sample
from persync.measure.fairness.groups import Groups
from persync.measure.fairness.parities import rates
from persync.measure.metric import Ask
from persync.measure.texts import bounds, join, piece, run

Row = Mapping[str, Any]

NOT_REPORTED: Final = "not_reported"
BURDENS: Final = {
    "unsubscribed_rate": ("unsubscribed", "unsubscribed"),
    "complained_rate": ("complained", "complained"),
    "ignored_share": ("ignored", "answered"),
}
"""{id: what is counted of the messages that arrived, what must have been told at all}"""
_MEANS: Final = {
    "exposure_dose": ("people", "dose", "exposed", "sends"),
    "mean_sends": ("people", "sends", "reached", "sends"),
    "mean_level": ("labelled", "level", "above", "level"),
}
"""{id: (people, sums, people with any, unit)}"""


def exposure(engine: Engine, groups: Groups, ask: Ask) -> list[Estimate]:
    """Return the share of the people who could be mailed that were sent at least one campaign of level 2 or above, the mean
    sends of such campaigns and of all, and the mean of the highest level received, by group.

    People with unlabelled mail only are `exposure_unknown`, not in the rate's denominator; whoever got unlabelled mail has no
    highest level.
    """
    by = {"attribute": groups.title}
    texts = (piece("sends"), piece("doses"), groups.text, piece("audience"), piece("exposure_by_group"))
    rows = run(engine, join(*texts), {**groups.params, **bounds(ask.period)})
    if not rows:
        note = "there is nobody who could be mailed, and no mail, in this period"
        return [rules.absent("exposure_rate", rules.NO_DENOMINATOR, by, unit="share", n=0, note=note)]
    clear = {row["name"]: int(row["people"]) - int(row["unclear"]) for row in rows}
    tables = [_counts(rows, "people"), clear, _counts(rows, "labelled")]
    hide = groups.hidden(tables, ask)
    cells = {row["name"]: (int(row["exposed"]), clear[row["name"]]) for row in rows}
    out = rates("exposure", cells, hide, ask, by).estimates()
    total = _total(rows)
    for row, here in [(total, dict(by)), *((row, {**by, "group": row["name"]}) for row in rows)]:
        if here.get("group") in hide:
            out.append(rules.suppressed("exposure_unknown", ask, here, unit="share"))
        else:
            out.append(rules.share("exposure_unknown", int(row["unclear"]), int(row["people"]), ask, here))
    for id, (people, sums, any_of, unit) in _MEANS.items():
        samples = {row["name"]: _sample(row, people, sums, any_of) for row in rows}
        whole = _sample(total, people, sums, any_of)
        out += averages(id, whole, samples, hide, ask, by, unit=unit).estimates()
    return out


def burden(engine: Engine, groups: Groups, ask: Ask) -> list[Estimate]:
    """Return who bears the cost of mail, by group; less is better in all of it, unless the settings say otherwise.

    `dropped_rate`: people selected for a message of the period that was then held back. `unsubscribed_rate`,
    `complained_rate`: messages that a person left after, or complained of, over those that arrived; `ignored_share`: messages a
    person neither opened nor clicked over the same, as a sign of irrelevant mail. These three are ratios of sums, clustered
    by person. What no platform tells is null, `not_reported`.
    """
    by = {"attribute": groups.title}
    (told,) = run(engine, piece("mail_told"), {})
    texts = (piece("mail_of_people"), groups.text, piece("burden_by_group"))
    rows = run(engine, join(*texts), {**groups.params, **bounds(ask.period)})
    if not rows:
        return []
    hide = groups.hidden([_counts(rows, "chosen"), _counts(rows, "reached")], ask)
    out: list[Estimate] = []
    if int(told["dropped"]):
        cells = {row["name"]: (int(row["dropped"]), int(row["chosen"])) for row in rows}
        out += rates("dropped", cells, hide, ask, by, spread="dropped_parity").estimates()
    else:
        out.append(rules.absent("dropped_rate", NOT_REPORTED, by, unit="share"))
    total = _total(rows)
    for id, (kind, what) in BURDENS.items():
        if not int(told[what]):
            out.append(rules.absent(id, NOT_REPORTED, by, unit="share"))
            continue
        samples = {row["name"]: _ratio(row, kind) for row in rows}
        frame = averages(id, _ratio(total, kind), samples, hide, ask, by, unit="share")
        out += frame.estimates()
    return out


def _ratio(row: Row, kind: str) -> Sample | None:
    names = (kind, "arrived", f"{kind}_squared", "arrived_squared", f"{kind}_by_arrived")
    y, x, yy, xx, xy = (float(row[name]) for name in names)
    return ratio_sample(int(row["reached"]), (y, x, yy, xx, xy), int(row[f"{kind}_people"]))


def _sample(row: Row, people: str, sums: str, any_of: str) -> Sample | None:
    n = int(row[people])
    if n == 0:
        return None
    return Sample(intervals.moments(n, int(row[sums]), int(row[f"{sums}_squared"])), int(row[any_of]))


def _counts(rows: Sequence[Row], key: str) -> dict[str, int]:
    return {row["name"]: int(row[key]) for row in rows}


def _total(rows: Sequence[Row]) -> dict[str, int]:
    return {key: sum(int(row[key]) for row in rows) for key in rows[0] if key != "name"}
