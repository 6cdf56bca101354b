"""persync.toml: what a project is, read into typed settings, with the nearest right word for every wrong one.

Secrets never stand in it: `find_secrets` looks for them by the names the connectors give.
"""

from persync.settings.connections import FILE, connection_settings, find_secrets, make_connector
from persync.settings.jobs import JobCheck, JobExport, JobNotice, JobReport, JobTable
from persync.settings.notify import Channel
from persync.settings.outs import refuse_out
from persync.settings.periods import parse_period, parse_since
from persync.settings.project import Project, load_project

__all__ = [
    "FILE",
    "Channel",
    "JobCheck",
    "JobExport",
    "JobNotice",
    "JobReport",
    "JobTable",
    "Project",
    "connection_settings",
    "find_secrets",
    "load_project",
    "make_connector",
    "parse_period",
    "parse_since",
    "refuse_out",
]
