"""A message in words: its subject, its text and its HTML, made inert whatever the store holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from persync.hookspecs import Message, Number
from persync.redact import anonymous, redacted
from persync.report.safe import plain
from persync.report.words import moment

if TYPE_CHECKING:
    from persync.settings import JobTable, Project

SUBJECTS: Final = {
    "ok": "{shop}: {job} ran",
    "changed": "{shop}: something changed",
    "alert": "{shop}: a check did not hold",
    "failed": "{shop}: {job} did not run as it should",
    "test": "{shop}: a test message",
}
COLOURS: Final = {"ok": "#2e7d32", "changed": "#1565c0", "alert": "#e65100", "failed": "#c62828", "test": "#757575"}
"""what stands at the edge of a message; the subject says the same in words"""
LONGEST: Final = 500
"""characters of a line: what a check found may list many slices"""
MOST_LINES: Final = 12


def message_of(
    project: Project,
    name: str,
    job: JobTable,
    status: str,
    verdict: str,
    numbers: Sequence[Number],
    lines: Sequence[str],
    attachments: tuple[Path, ...],
    *,
    now: int,
    earlier: bool = False,
) -> Message:
    """Return a message whose texts hold no name, address or secret and no sign that a terminal, a page or a chat obeys.

    `earlier`: none of the numbers could be told of the last days, and each names its own.
    """
    shop = str(project.facts()["name"])
    rest = [f"... and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    shown = tuple(_cleaned(one) for one in numbers)
    bare = Message(
        job=clean(name),
        status=status,
        subject=clean(SUBJECTS[status].format(shop=shop, job=name)),
        verdict=clean(verdict),
        numbers=shown,
        lines=tuple(clean(line) for line in [*lines[:MOST_LINES], *rest]),
        span=_span(job, earlier=earlier) if shown else "",
        link=job.link or "",
        made_at=now,
        attachments=attachments,
    )
    facts = {
        "message": bare,
        "colour": COLOURS[status],
        "made": moment(now, project.timezone),
        "zone": project.timezone,
    }
    return replace(bare, text=_text(facts), html=_html(facts))


def clean(text: str) -> str:
    """Return a text on one line, not too long, without people, secrets and control characters."""
    safe = plain(redacted(anonymous(text)))
    return safe if len(safe) <= LONGEST else f"{safe[: LONGEST - 3]}..."


def _span(job: JobTable, *, earlier: bool) -> str:
    """Say of which days the numbers are: the last, or, where none could be told of those, those that each of them names."""
    if earlier:
        return "Over the last day with data" if job.days == 1 else f"Over the last {job.days} days with data"
    return "Over the last day" if job.days == 1 else f"Over the last {job.days} days"


def _cleaned(one: Number) -> Number:
    estimate = one.estimate
    if estimate is not None:
        estimate = replace(estimate, by={clean(name): clean(value) for name, value in estimate.by.items()})
    words = {name: clean(getattr(one, name)) for name in ("title", "value", "interval", "change")}
    return replace(one, estimate=estimate, **words)


def _text(facts: dict[str, Any]) -> str:
    message: Message = facts["message"]
    parts = [message.subject]
    if message.verdict:
        parts.append(message.verdict)
    if message.numbers:
        rows = []
        for one in message.numbers:
            beside = "; ".join(part for part in (f"95 %: {one.interval}" if one.interval else "", one.change) if part)
            rows.append(f"- {one.title}: {one.value}" + (f" ({beside})" if beside else ""))
        parts.append("\n".join([f"{message.span}:", *rows]))
    if message.lines:
        parts.append("\n".join(["What happened:", *(f"- {line}" for line in message.lines)]))
    if message.link:
        parts.append(f"The report: {message.link}")
    return "\n\n".join([*parts, f"persync, job {message.job}, {facts['made']} ({facts['zone']})"]) + "\n"


def _html(facts: dict[str, Any]) -> str:
    return str(_template().render(**facts))


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("persync.jobs.notify", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("mail.html.j2")
