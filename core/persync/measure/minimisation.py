"""Data minimisation: which facts about people are held and read by nothing, and how old the oldest is.

The SQL of measures and attribution qualifies every column, so what is read can be told from its texts: a column is used when
some text names it behind an alias of its table.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from persync.coarse import SPECIAL
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import attributes, rules
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import run

PERSONAL: Final[dict[str, tuple[str, ...]]] = {
    "contacts": ("created_at", "status", "source", "orders"),
    "consents": ("channel", "state", "level", "source", "changed_at"),
    "consent_changes": ("channel", "happened_at", "state"),
    "stages": ("stage", "entered_at"),
    "memberships": ("segment_id", "joined_at", "left_at"),
    "touchpoints": ("action", "happened_at", "link_id", "variant", "is_machine", "channel", "source"),
    "carts": ("campaign_key", "created_at", "updated_at", "completed_at", "status", "total_minor", "recovery_sent_at"),
    "tickets": ("created_at", "closed_at", "first_reply_at", "stage", "category", "priority", "source"),
    "feedback": ("kind", "survey", "channel", "value", "grade", "submitted_at", "ticket"),
    "sessions": ("started_at", "source", "medium", "campaign", "device", "pages", "seconds", "is_bounced", "is_converted"),
    "wallets": ("category", "from_at", "to_at", "amount_minor"),
    "outcomes": ("outcome", "happened_at", "value"),
    "decisions": ("decision", "decided_at", "selected", "score", "qualified"),
}
"""{table: its columns that tell something of a person}: keys, numbers of rows and times of observation are left out"""
DATED: Final = {
    "touchpoints": "happened_at",
    "consent_changes": "happened_at",
    "stages": "entered_at",
    "carts": "created_at",
    "tickets": "created_at",
    "feedback": "submitted_at",
    "sessions": "started_at",
}
"""the kinds of rows that a retention period may be set for, and what dates them"""
PACKAGES: Final = ("persync.measure", "persync.attribution", "persync.report")
_NAMED: Final = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)\s+AS\s+([a-z_]+)")
_COLUMN: Final = re.compile(r"\b([a-z_]+)\.([a-z_]+)\b")


@cache
def used_columns() -> frozenset[tuple[str, str]]:
    """Return the (table, column) pairs that some SQL text of persync's own reads."""
    found = set()
    for text in (text for package in PACKAGES for text in _texts(files(package))):
        tables: dict[str, set[str]] = defaultdict(set)
        for table, alias in _NAMED.findall(text):
            tables[alias].add(table)
        found |= {(table, column) for alias, column in _COLUMN.findall(text) for table in tables.get(alias, ())}
    return frozenset(found)


def _texts(folder: Traversable) -> Iterator[str]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _texts(one)
        elif one.name.endswith((".sql", ".py")) and one.name != "minimisation.py":
            yield one.read_text("utf-8")


def data_minimisation(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of the fields held about people that nothing reads, and the age of the oldest row of each kind."""
    check(ask.by, (), "data_minimisation")
    held, unused = [], []
    for table, columns in PERSONAL.items():
        counts = ", ".join(f"COUNT(t.{column}) AS {column}" for column in columns)
        (row,) = run(engine, f"SELECT {counts} FROM {table} AS t", {})
        for column in columns:
            if row[column]:
                held.append(f"{table}.{column}")
                if (table, column) not in used_columns():
                    unused.append(f"{table}.{column}")
    names = attributes.values(engine)
    for name, values in names.items():
        held.append(f"attribute {name}")
        # One value makes no groups, and too many neither.
        if not 2 <= values <= attributes.MOST_GROUPS:
            unused.append(f"attribute {name}")
    return [_share(held, unused), _special(list(names)), *_ages(engine, ask)]


def _special(names: list[str]) -> Estimate:
    id = "special_category_attributes"
    if not names:
        return rules.absent(id, rules.NO_DENOMINATOR, {}, unit="count", n=0)
    special = [name for name in names if SPECIAL.search(name)]
    note = f"by their names: {', '.join(special)}" if special else "told by their names alone"
    return Estimate(id, len(special), n=len(names), unit="count", note=note)


def _share(held: list[str], unused: list[str]) -> Estimate:
    if not held:
        return rules.absent("data_minimisation", rules.NO_DENOMINATOR, {}, unit="share", n=0)
    note = f"read by no measure of persync's own: {', '.join(unused)}" if unused else "every field held is read by some measure"
    return Estimate("data_minimisation", len(unused) / len(held), n=len(held), unit="share", note=note)


def _ages(engine: Engine, ask: Ask) -> list[Estimate]:
    out = []
    for table, column in DATED.items():
        (row,) = run(engine, f"SELECT MIN(NULLIF(t.{column}, 0)) AS first_at FROM {table} AS t", {})
        if row["first_at"] is None:
            continue
        days = (ask.now - int(row["first_at"])) / rules.DAY
        months = ask.retention.get(table)
        note = f"the rule is {months} months" if months is not None else "no rule: it is kept for good"
        out.append(Estimate("oldest_row_age", days, unit="days", by={"kind": table}, note=note))
    return out


METRICS: tuple[Metric, ...] = (
    Metric(
        "data_minimisation",
        "Data held and not used",
        "The share of the fields held about people that no measure reads: columns of the tables about people that have a "
        "value, and attributes that make no groups. Beside it attributes that are of a special category by their name, and the "
        "age of the oldest row of each kind against [privacy.retention].",
        "fields held but read by no measure ÷ fields held",
        "share",
        data_minimisation,
        number="142",
        edge_cases="Nothing held: null, no_denominator. No interval: it is counted, not sampled. What a plugin's own measures "
        "read is not looked at. A field that nothing reads may be held for another reason: a person judges.",
        data=(*PERSONAL, "attributes"),
    ),
)
