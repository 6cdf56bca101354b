"""Grade the labelled messages and print how often the grade is right.

    python tests/grading/measure.py

The labels in mailchimp.json and hubspot.json were written by hand from the rules; what is measured is the connectors'
evidence functions together with the store's one grading function. `None` is the level "unknown".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from persync.store.levels import grade
from persync_hubspot import personalise as hubspot
from persync_mailchimp import personalise as mailchimp

HERE = Path(__file__).parent
LEVELS: tuple[int | None, ...] = (0, 1, 2, 3, 4, None)
PERSONALISED = 2
"""from this level on, reports count a message as personalised"""

Item = tuple[str, str]


class Graded(NamedTuple):
    """A message with the level it has by its label and the one it was given, and the evidence for that."""

    platform: str
    id: str
    label: int | None
    given: int | None
    why_given: str
    why_label: str
    disagreement: str | None
    evidence: tuple[tuple[str, str, str], ...]
    is_held_out: bool
    """written after the code was finished"""

    @property
    def agrees(self) -> bool:
        return self.label == self.given


class Score(NamedTuple):
    """Of a class: messages labelled with it, given it, and both; precision and recall, None where nothing divides."""

    labelled: int
    given: int
    both: int

    @property
    def precision(self) -> float | None:
        return self.both / self.given if self.given else None

    @property
    def recall(self) -> float | None:
        return self.both / self.labelled if self.labelled else None


def grade_all() -> list[Graded]:
    """Grade every message of both sets."""
    found = []
    for platform, evidence in (("mailchimp", mailchimp_evidence), ("hubspot", hubspot_evidence)):
        document = json.loads((HERE / f"{platform}.json").read_text(encoding="utf-8"))
        for message in document["messages"]:
            items = tuple(sorted(evidence(message, document.get("audiences", {}))))
            given, why = grade(items)
            label = message["level"]
            reason = message.get("disagreement")
            held_out = message.get("held_out", False)
            found.append(Graded(platform, message["id"], label, given, why, message["why"], reason, items, held_out))
    return found


def mailchimp_evidence(message: dict[str, Any], audiences: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
    """Return what the Mailchimp connector stores of a campaign, as (source, kind, detail)."""
    fields = audiences[message["fields"]] if message["fields"] else None
    items = _from("settings", mailchimp.campaign_items(message["campaign"], fields))
    if message["content"] is not None:
        items += _from("content", mailchimp.content_items(message["content"], fields))
    return items + _from("report", mailchimp.recommendation_items(message.get("recommendation_total")))


def hubspot_evidence(message: dict[str, Any], audiences: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
    """Return what the HubSpot connector stores of a marketing e-mail, as (source, kind, detail)."""
    email = {"id": "1", **message["email"]}
    lists = {one["listId"]: hubspot.list_type(one) for one in message.get("lists", ())}
    items = _from("settings", hubspot.settings_items(email, lists))  # type: ignore[arg-type]
    return items + _from("content", hubspot.content_items(email) or ())  # type: ignore[arg-type]


def _from(source: str, items: Iterable[Item]) -> list[tuple[str, str, str]]:
    return [(source, kind, detail) for kind, detail in items]


def scores(graded: Sequence[Graded]) -> dict[int | None, Score]:
    """Return the score of every level."""
    labelled, given = Counter(one.label for one in graded), Counter(one.given for one in graded)
    both = Counter(one.label for one in graded if one.agrees)
    return {level: Score(labelled[level], given[level], both[level]) for level in LEVELS}


def personalised(graded: Sequence[Graded]) -> Score:
    """Return the score of the one question that reports ask: is it of level 2 or above?"""
    labelled = {one.id for one in graded if one.label is not None and one.label >= PERSONALISED}
    given = {one.id for one in graded if one.given is not None and one.given >= PERSONALISED}
    return Score(len(labelled), len(given), len(labelled & given))


def macro(graded: Sequence[Graded]) -> tuple[float, float]:
    """Return precision and recall, each the plain mean over the levels that were given, or labelled."""
    found = scores(graded).values()
    precisions = [score.precision for score in found if score.precision is not None]
    recalls = [score.recall for score in found if score.recall is not None]
    return sum(precisions) / len(precisions), sum(recalls) / len(recalls)


def table(graded: Sequence[Graded]) -> str:
    """Return the figures as text: by level, overall, the confusion and every disagreement."""
    agreeing = sum(one.agrees for one in graded)
    lines = [f"{len(graded)} messages, {agreeing} graded as labelled ({agreeing / len(graded):.1%})", ""]
    lines.append(f"{'level':<12}{'labelled':>9}{'given':>7}{'both':>6}{'precision':>11}{'recall':>8}")
    rows = [(_name(level), score) for level, score in scores(graded).items()]
    for name, score in [*rows, (f">= {PERSONALISED}", personalised(graded))]:
        lines.append(
            f"{name:<12}{score.labelled:>9}{score.given:>7}{score.both:>6}{_share(score.precision):>11}{_share(score.recall):>8}"
        )
    precision, recall = macro(graded)
    lines += [f"{'mean':<34}{_share(precision):>11}{_share(recall):>8}", "", "label \\ given" + _cells(map(_name, LEVELS))]
    pairs = Counter((one.label, one.given) for one in graded)
    lines += [f"{_name(label):<13}" + _cells(str(pairs[label, given] or ".") for given in LEVELS) for label in LEVELS]
    for one in graded:
        if not one.agrees:
            lines += ["", f"{one.platform} {one.id}: labelled {_name(one.label)}, given {_name(one.given)} ({one.why_given})"]
            lines += [f"  label: {one.why_label}", f"  why the code cannot know: {one.disagreement or 'NOT EXPLAINED'}"]
    return "\n".join(lines)


def _name(level: int | None) -> str:
    return "unknown" if level is None else str(level)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _cells(texts: Iterable[str]) -> str:
    return "".join(f"{text:>9}" for text in texts)


if __name__ == "__main__":
    found = grade_all()
    parts = {
        "mailchimp": [one for one in found if one.platform == "mailchimp"],
        "hubspot": [one for one in found if one.platform == "hubspot"],
        "held out": [one for one in found if one.is_held_out],
        "all": found,
    }
    for name, part in parts.items():
        print(f"== {name}\n{table(part)}\n")  # noqa: T201
