"""Helpers for the authors of plugins: an API in the process, pulls that never wait, and what every plugin must hold to.

`persync.testing.conformance` has the checks as classes for pytest; `persync plugins check NAME` runs them without it.
"""

from persync.testing.fake import FakeApi, pull_once, quick_client

__all__ = ["FakeApi", "pull_once", "quick_client"]
