"""One run of a job: what each of its steps is given, and what they leave."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from persync.errors import EXIT_CHECK, EXIT_OK, EXIT_PARTIAL, SIGNALLED, PersyncError

if TYPE_CHECKING:
    from persync.connect.result import Watcher
    from persync.hookspecs import Message
    from persync.plugins import Host
    from persync.settings import JobTable, Project

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Run:
    """A job on its way. `now` is when it began (epoch ms), at which all its numbers are computed; `say` gets a line a step.

    `wait` is for how many seconds it waits for another run, `timer` counts seconds, only ever forward.
    """

    host: Host
    project: Project
    name: str
    job: JobTable
    now: int
    say: Say
    wait: float = 0.0
    watch: Watcher | None = None
    timer: Callable[[], float] = time.monotonic
    began: float = 0.0
    """what `timer` said at `now`"""

    @property
    def moment(self) -> int:
        """What the clock shows by now, in epoch ms: a pull may take hours."""
        return self.now + round((self.timer() - self.began) * 1000)


@dataclass(slots=True)
class Outcome:
    """How a run went: the exit codes of its steps, the checks that did not hold, and what failed, in one sentence each."""

    codes: list[int] = field(default_factory=lambda: [EXIT_OK])
    failing: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """what the run log is to keep though nothing failed"""
    messages: list[tuple[str, Message]] = field(default_factory=list)
    """(channel, what it is to be told)"""

    @property
    def code(self) -> int:
        """The exit code of the run."""
        return worst(self.codes)

    def fail(self, error: PersyncError, say: Say, step: str = "failed") -> None:
        """Note that a step failed, and say so."""
        line = f"{step}: {error}"
        self.codes.append(error.exit_code)
        self.failures.append(line)
        say(line)


def worst(codes: list[int]) -> int:
    """Return the exit code that says most: an interruption, then a real error, then a failed check, then partial, then ok."""
    order = [EXIT_OK, EXIT_PARTIAL, EXIT_CHECK]
    return max(codes, key=lambda code: (code > SIGNALLED, order.index(code) if code in order else len(order), -code))
