"""The dead-man switch of a job: somebody else notices when it does not run."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from persync.errors import PersyncError

if TYPE_CHECKING:
    from persync.settings import JobTable, Project


class Switch:
    """Tells a healthchecks-style address that a run began and how it ended. A switch that fails never fails the job."""

    def __init__(self, project: Project, name: str, job: JobTable, say: Callable[[str], object]) -> None:
        self._job = f"job {name}"
        self._env = job.ping
        self._folder = project.folder
        self._say = say
        self._run = str(uuid.uuid4())

    def start(self) -> None:
        """Tell that the run begins."""
        self._tell("start")

    def end(self, code: int) -> None:
        """Tell how the run ended: success for exit code 0, else the code, which such services hold a failure."""
        self._tell("" if code == 0 else str(code))

    def _tell(self, signal: str) -> None:
        if self._env is None:
            return
        from persync import secrets
        from persync.connect.outgoing import ping

        try:
            found = secrets.find("ping", self._env, self._folder)
            if found is None:
                self._say(f"ping failed: {self._env} is not set, and neither {secrets.FILE} nor a keyring has it")
                return
            ping(f"{self._job}, ping", found.value, signal, self._run)
        except PersyncError as error:
            self._say(f"ping failed: {error}")
