"""persync: does personalised e-mail pay, for whom, at what cost, and is it fair? Read from your own machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pluggy

    from persync.notebook import open as open

    hookimpl = pluggy.HookimplMarker("persync")

__all__ = ["__version__", "hookimpl"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Make `hookimpl` when a plugin asks for it: pluggy is a quarter of what `persync --help` imports. `open` likewise."""
    if name == "open":
        from persync import notebook

        globals()["open"] = notebook.open
        return notebook.open
    if name != "hookimpl":
        raise AttributeError(f"module 'persync' has no attribute {name!r}")
    from pluggy import HookimplMarker

    globals()["hookimpl"] = marker = HookimplMarker("persync")
    return marker
