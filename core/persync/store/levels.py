"""The personalisation level of a campaign: connectors bring evidence, this one function grades it."""

from __future__ import annotations

from collections.abc import Iterable

GRADES = {
    "token": 1,
    "segment": 2,
    "conditional": 2,
    "smart": 2,
    "filtered_list": 2,
    "trigger": 3,
    "workflow": 3,
    "recommendation": 4,
    "programmable": 4,
}
"""Highest wins; `timing` and `demographic` (by what a segment chooses people) count for nothing."""

HIGHEST = 4

TAG = "tag"
"""source of a level that `persync tag` set"""
OVERRIDE = "override"
"""source of a level that a connection's settings set"""
UNKNOWN = "unknown"
"""a level that was set to unknown: nothing counts, and none is claimed"""

_SAID = tuple(map(str, range(HIGHEST + 1)))
_SET_BY_YOU = {TAG: "tagged by you", OVERRIDE: "set by you"}
"""Who is asked first comes first: a tag wins over the settings, and both over evidence."""


def grade(evidence: Iterable[tuple[str, str, str]]) -> tuple[int | None, str]:
    """Return (level 0-4, or None for unknown; why) from a campaign's (source, kind, detail) evidence.

    What the user said wins: a `tag` over an `override` of the settings, and both over what was found. Content that was not
    read leaves the level unknown, unless something else already shows the highest level.
    """
    items = sorted(evidence)
    for by, why in _SET_BY_YOU.items():
        for source, kind, detail in items:
            if source == by and kind == "level" and (detail == UNKNOWN or detail in _SAID):
                return (None if detail == UNKNOWN else int(detail)), why
    found = sorted({(GRADES[kind], kind, detail) for _, kind, detail in items if kind in GRADES}, reverse=True)
    level = found[0][0] if found else 0
    was_read = any(source == "content" and kind == "read" for source, kind, _ in items)
    if not was_read and level < HIGHEST:
        return None, "content not read"
    if not found:
        return 0, "nothing personal found"
    return level, ", ".join(f"{kind} {detail}".strip() for grade_, kind, detail in found if grade_ == level)
