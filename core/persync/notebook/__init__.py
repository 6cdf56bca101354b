"""A project in a notebook: `persync.open(path)`."""

from persync.notebook.opened import Opened
from persync.notebook.opened import open_project as open
from persync.notebook.results import Estimates, Rows

__all__ = ["Estimates", "Opened", "Rows", "open"]
