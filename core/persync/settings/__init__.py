"""persync.toml: what a project is, read into typed settings, with the nearest right word for every wrong one.

Secrets never stand in it: `find_secrets` looks for them by the names the connectors give.
"""

from persync.settings.connections import FILE, connection_settings, find_secrets, make_connector
from persync.settings.periods import parse_period, parse_since
from persync.settings.project import Project, load_project
from persync.settings.tables import JobCheck, JobReport, JobTable

__all__ = [
    "FILE",
    "JobCheck",
    "JobReport",
    "JobTable",
    "Project",
    "connection_settings",
    "find_secrets",
    "load_project",
    "make_connector",
    "parse_period",
    "parse_since",
]
