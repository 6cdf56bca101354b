"""What segments there are: rules of the settings, persync's own, and the lists, tags and segments of the platforms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from persync.export.people import members_of, refusals
from persync.redact import anonymous
from persync.store.store import Store

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask

_OF_ENGINE: Final = (
    "SELECT m.segment AS segment, m.kind AS kind, COUNT(DISTINCT m.person) AS people FROM segment_members AS m GROUP BY 1, 2"
)
_OF_PLATFORMS: Final = (
    "SELECT n.name, s.kind, s.name, count(DISTINCT coalesce(p.person, m.key_id)) FROM segments s"
    " JOIN connections n ON n.connection = s.connection"
    " LEFT JOIN memberships m ON m.segment_id = s.segment_id AND m.left_at IS NULL"
    " LEFT JOIN person_of p ON p.key_id = m.key_id WHERE s.name IS NOT NULL GROUP BY s.segment_id ORDER BY 1, 2, 3"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as of now. `origin` is `persync.toml`, `persync` or the connection whose platform keeps it; `people` is None
    where there are fewer than [report] suppress_n."""

    name: str
    kind: str
    origin: str
    people: int | None
    rule: str = ""
    """who belongs to it, in words; "" where only the platform knows"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many of a segment's people said no to e-mail, and how many may be mailed; None where a number would tell of few."""

    refused: int | None
    mailable: int | None


def segments(engine: Engine, store: Store, ask: Ask) -> Iterator[Segment]:
    """Yield every segment: the settings' own first, then persync's, then each platform's."""
    from persync.measure import membership

    membership.build(engine, ask, [ask.now])
    counts = {str(row["segment"]): (str(row["kind"]), int(row["people"])) for row in engine.rows(_OF_ENGINE)}
    for name, rule in sorted(ask.segments.rules.items()):
        people = counts.pop(name, ("", 0))[1]
        yield Segment(name, rule.kind, "persync.toml", told(people, ask), membership.described(name, ask))
    for name, (kind, people) in sorted(counts.items()):
        yield Segment(name, kind, "persync", told(people, ask), membership.described(name, ask))
    for connection, kind, title, people in store.db.execute(_OF_PLATFORMS):
        yield Segment(anonymous(str(title)), str(kind), str(connection), told(int(people), ask))


def standing(engine: Engine, store: Store, name: str, ask: Ask) -> Standing:
    """Return how a segment stands to e-mail. Raise ConfigError with the nearest for one that there is not.

    The two numbers add up to the people: where one of them is of few, both are hidden.
    """
    people = members_of(engine, store, name, ask)
    refused = len(refusals(store) & people)
    both = told(refused, ask), told(len(people) - refused, ask)
    return Standing(None, None) if None in both else Standing(*both)


def told(people: int, ask: Ask) -> int | None:
    """Return a number of people as it may be shown: None for a few, nobody is nobody."""
    return None if 0 < people < ask.suppress_n else people
