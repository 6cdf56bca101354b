"""persync: does personalised e-mail pay, for whom, at what cost, and is it fair? Read from your own machine."""

import pluggy

__all__ = ["__version__", "hookimpl"]

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("persync")
