"""What a job names, held against what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from persync.errors import ConfigError, PersyncError, nearest

if TYPE_CHECKING:
    from persync.plugins import Host
    from persync.settings import JobExport, JobTable, Project


def known_parts(host: Host, project: Project, name: str, job: JobTable) -> tuple[JobTable, list[PersyncError]]:
    """Return a job without what it names in vain (a metric, section, connection or channel), and an error for each of those."""
    from persync.export.source import check_name
    from persync.plugins import find
    from persync.settings import FILE
    from persync.store.reading import reading

    errors: list[PersyncError] = []
    table_of_job = f"{project.folder / FILE}, [jobs.{name}]"
    channels: Mapping[str, Any] = {**project.channels, **project.broken_channels}
    connections = dict.fromkeys(project.names)

    def known(kind: str, word: str, among: Mapping[str, Any], part: str) -> bool:
        try:
            find(kind, word, among)
        except ConfigError as error:
            errors.append(error.at(f"{table_of_job} {part}"))
            return False
        return True

    def told(to: str) -> bool:
        if channels:
            return known("channel", to, channels, "notify")
        hint = f"Add [notify.{to}] with via = ... {nearest('', sorted(host.notifiers))}"
        errors.append(ConfigError(f"there is no way to tell '{to}'.", where=f"{table_of_job} notify", hint=hint))
        return False

    def exported(one: JobExport) -> bool:
        return known("metric", one.metric, host.metrics, "export") if one.metric else stored(str(one.table))

    def stored(table: str) -> bool:
        if not project.store_path.exists():
            return True  # what a store will hold is known once there is one
        try:
            with reading(project.store_path) as db:
                check_name(db, table)
        except ConfigError as error:
            errors.append(error.at(f"{table_of_job} export"))
            return False
        except PersyncError:
            return True  # a store that cannot be read: whoever opens it next says so
        return True

    reports = []
    for one in job.report:
        sections = [section for section in one.sections if known("report section", section, host.sections, "report")]
        if sections or not one.sections:  # without any of its own it would have all
            reports.append(one.model_copy(update={"sections": sections}))
    kept = {
        "checks": [one for one in job.checks if known("metric", one.metric, host.metrics, "checks")],
        "export": [one for one in job.export if exported(one)],
        "numbers": [one for one in job.numbers if not job.notify or known("metric", one, host.metrics, "numbers")],
        "report": reports,
        "pull": job.pull if job.pull == "all" else [one for one in job.pull if known("connection", one, connections, "pull")],
        "notify": [one for one in job.notify if told(one.to)],
    }
    return (job.model_copy(update=kept) if errors else job), errors
