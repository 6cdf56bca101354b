"""A message to try a channel with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persync.hookspecs import Message, Number
from persync.jobs.notify.wording import message_of

if TYPE_CHECKING:
    from persync.settings import Project

VERDICT = "This is a test: if you can read it, the channel works. The number below is made up."


def trial(project: Project, *, now: int) -> Message:
    """Return a message that shows how others will look, and says that it is none of them."""
    from persync.settings import JobTable

    number = Number("A made-up number", "12.3 %", "11.0 % to 13.6 %", "not clearly other than 12.0 % in the 30 days before")
    lines = ["Checks that do not hold and steps that fail are told here."]
    return message_of(project, "test", JobTable(), "test", VERDICT, (number,), lines, (), now=now)
