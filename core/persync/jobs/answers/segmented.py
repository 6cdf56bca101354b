"""The segments and how one stands to e-mail: the answers of `persync segment list` and `persync segment show`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from persync.redact import anonymous

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.export.segments import Segment, Standing
    from persync.measure.metric import Ask
    from persync.store.store import Store


def segment_of(engine: Engine, store: Store, name: str, ask: Ask) -> tuple[Segment, Standing]:
    """Return a segment, and how it stands to e-mail. Raises as `standing` does."""
    from persync.export.segments import Segment, segments, standing
    from persync.measure import membership

    how = standing(engine, store, name, ask)
    shown = anonymous(name)  # as the list has it
    listed = (one for one in segments(engine, store, ask) if shown in (one.name, f"{one.origin}:{one.name}"))
    empty = Segment(name, membership.kind_of(name), "persync", 0, membership.described(name, ask))  # of ours, and nobody in it
    return next(listed, empty), how


def segments_json(found: Iterable[Segment]) -> str:
    """Return the segments as the one JSON object of the command."""
    from persync.report.render.estimates import document

    return document("segments", map(asdict, found))


def segment_json(one: Segment, how: Standing) -> str:
    """Return a segment as the one JSON object of the command."""
    from persync.report.render.estimates import document

    return document("segment", [{**asdict(one), **asdict(how)}])
