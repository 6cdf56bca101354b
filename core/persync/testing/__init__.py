"""Helpers for the authors of plugins: an API in the process, pulls that never wait, and what every plugin must hold to.

`persync.testing.conformance` has the checks as classes for pytest; `persync plugins check NAME` runs them without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from persync.testing.fake import FakeApi, pull_once, quick_client

__all__ = ["FakeApi", "pull_once", "quick_client"]


def __getattr__(name: str) -> Any:
    """Load the helpers when one is wanted: `persync plugins` asks this package for a few words, and would wait for httpx."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from persync.testing import fake

    return getattr(fake, name)
