"""Build the report: run each section guarded, so that one that has nothing to say, or is broken, costs only itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from persync import __version__
from persync.errors import RAISED, DataError, reason_of
from persync.report.coverage import mark
from persync.report.memory import RememberingEngine
from persync.report.report import Block, BuiltSection, Inputs, Note, Profile, Report, Section

TITLE = "Does personalised e-mail pay?"
UNMARKED = frozenset(("health", "method"))
"""parts that say themselves what they rest on"""


def of_profile(sections: Iterable[Section], profile: Profile) -> list[Section]:
    """Return the sections that belong to the report of a profile."""
    return [section for section in sections if profile in section.profiles]


def build_report(
    sections: Iterable[Section] | Mapping[str, Section], inputs: Inputs, *, made_at: int, title: str = TITLE
) -> Report:
    """Return the report of these sections, sorted by their order, then name.

    A section that raises DataError becomes a note saying why it is missing. Any other failure becomes a warning and is
    listed in `Report.facts["failed"]`, so that a caller can exit with something other than 0. `made_at` is epoch ms. Where
    small groups are not hidden a warning stands before everything else.
    """
    engine = RememberingEngine(inputs.engine)
    inputs = replace(inputs, engine=engine)
    wanted = sections.values() if isinstance(sections, Mapping) else sections
    failed: list[dict[str, str]] = []
    built = tuple(_built(section, inputs, engine, failed) for section in sorted(wanted, key=lambda one: (one.order, one.name)))
    if built and inputs.ask.small_groups:
        text = f"This report shows {inputs.ask.small_groups}: people may be recognised. Do not pass it on."
        first = Note(text, "warning", "Small groups are shown")
        built = (replace(built[0], blocks=(first, *built[0].blocks)), *built[1:])
    return Report(
        title=title,
        persync=__version__,
        made_at=made_at,
        period=inputs.ask.period,
        timezone=inputs.ask.timezone,
        sections=built,
        facts=_facts(inputs) | {"failed": failed},
        profile=inputs.profile,
    )


def _once(title: str, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Leave out the heading of the first note where it only says again what the section is called."""
    first = blocks[0] if blocks else None
    return (replace(first, heading=""), *blocks[1:]) if isinstance(first, Note) and first.heading == title else blocks


def _built(section: Section, inputs: Inputs, engine: RememberingEngine, failed: list[dict[str, str]]) -> BuiltSection:
    blocks: tuple[Block, ...]
    try:
        with engine.watched() as read:
            blocks = _once(section.title, tuple(section.build(inputs)))
        reach = mark(engine, read, inputs.ask) if blocks and section.name not in UNMARKED else None
        blocks += (reach,) if reach else ()
    except DataError as error:
        blocks = (Note(f"This part is missing: {error}", "info"),)
    except RAISED as error:  # a plugin's section may fail in any way, and must not cost the others
        why = reason_of(error)
        failed.append({"section": section.name, "reason": why})
        blocks = (Note(f"This part could not be made: the section '{section.name}' failed ({why}).", "warning"),)
    if not blocks:
        blocks = (Note("This part has nothing to show for this period."),)
    return BuiltSection(section.name, section.title, blocks)


def _facts(inputs: Inputs) -> dict[str, Any]:
    ask = inputs.ask
    return {
        "project": dict(inputs.project),
        "settings": {
            "basis": ask.basis,
            "currency": ask.currency,
            "lookback_days": ask.lookback_days,
            "confidence": ask.confidence,
            "suppress_n": ask.suppress_n,
            "report_n": ask.report_n,
            "margin": ask.margin,
            "seed": ask.seed,
            "models": [model.name for model in inputs.models],
        },
    }
