"""Segments whose rule aims at a predicted gender or age, or at a place: whoever is in them was chosen by what they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from persync.engine.engine import Engine

KINDS: Final = {
    "predicted gender": re.compile(r"predicted[ _-]?gender|gender[ _-]?predict", re.IGNORECASE),
    "predicted age": re.compile(r"predicted[ _-]?age|age[ _-]?range[ _-]?predict", re.IGNORECASE),
    "gender": re.compile(r"(?<![a-z])(gender|sex)(?![a-z])", re.IGNORECASE),
    "age": re.compile(r"(?<![a-z])(age|date[ _-]of[ _-]birth|dob)(?![a-z])", re.IGNORECASE),
    "place": re.compile(
        r"ipgeo|(?<![a-z])(country|state|city|zip|zip[ _-]?code|postal[ _-]?code|region|province|geo\w*|location"
        r"|customer_cities|customer_countries|customer_regions)(?![a-z])",
        re.IGNORECASE,
    ),
}
"""{what a rule aims at: words of the vendors' rules}; the first that fits says it"""
_SPLIT: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Rule:
    """A segment that aims at what people are."""

    segment: str
    what: str
    rule: str


def aims_at(rule: str) -> str | None:
    """Return what a segment's rule aims at, None for what people did."""
    words = f"{rule} {_SPLIT.sub(' ', rule)}"
    return next((what for what, pattern in KINDS.items() if pattern.search(words)), None)


def rules(engine: Engine) -> list[Rule]:
    """Return the segments in the store whose rule aims at a gender, an age or a place, by name."""
    found = engine.rows(
        "SELECT DISTINCT COALESCE(s.name, s.vendor_id) AS name, s.rule AS rule FROM segments AS s"
        " WHERE s.rule IS NOT NULL AND s.rule <> '' ORDER BY 1, 2"
    )
    aimed = ((str(row["name"]), aims_at(str(row["rule"])), str(row["rule"])) for row in found)
    return [Rule(name, what, rule) for name, what, rule in aimed if what]


def campaigns(engine: Engine) -> list[Rule]:
    """Return the campaigns whose recipients were chosen by a gender, an age or a place, as their evidence has it, by title."""
    found = engine.rows(
        "SELECT DISTINCT COALESCE(c.title, k.key) AS name, e.detail AS detail FROM campaign_evidence AS e"
        " JOIN campaign_keys AS k ON k.campaign_key = e.campaign_key"
        " LEFT JOIN campaigns AS c ON c.campaign_key = e.campaign_key WHERE e.kind = 'demographic' ORDER BY 1, 2"
    )
    return [Rule(str(row["name"]), str(row["detail"]), "") for row in found]
