"""All that one plugin offers, held to what everything of its kind must hold to."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.errors import PersyncError, PluginError, nearest
from persync.testing.case import case_of
from persync.testing.checks import CONNECTOR, NotTriedError
from persync.testing.checks.engines import ENGINE
from persync.testing.checks.importers import IMPORTER
from persync.testing.checks.metrics import METRIC
from persync.testing.checks.models import MODEL
from persync.testing.checks.notifiers import NOTIFIER
from persync.testing.checks.sections import SECTION
from persync.testing.shop import shop_of

if TYPE_CHECKING:
    from persync.plugins import Host, Plugin

CHECKED = {"models": MODEL, "metrics": METRIC, "sections": SECTION, "engines": ENGINE}
"""what is asked of a made-up shop, by kind"""
HOLDS, FAILS, NOT_TRIED = "holds", "fails", "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check: `told` is what it looked at, or why the claim is false, or why nothing was tried.

    `holds` is None where nothing was tried.
    """

    kind: str
    name: str
    check: str
    claim: str
    holds: bool | None
    told: str

    @property
    def state(self) -> str:
        """Return `holds`, `fails` or `not tried`."""
        return NOT_TRIED if self.holds is None else HOLDS if self.holds else FAILS


def plugin_named(host: Host, name: str) -> Plugin:
    """Return a loaded plugin. Raise PluginError when there is none of that name, with what it failed at."""
    for plugin in (*host.plugins, *host.core):
        if plugin.name == name:
            return plugin
    for failure in host.failures:
        if failure.name == name:
            raise PluginError(str(failure), hint=failure.remedy)
    raise PluginError(
        f"there is no plugin '{name}'.", hint=nearest(name, tuple(one.name for one in (*host.plugins, *host.core)))
    )


def check_plugin(host: Host, name: str, *, thorough: bool = False) -> Iterator[Finding]:
    """Yield what comes of every check of everything that a plugin offers. Raise PluginError when there is no such plugin.

    The last one fails where nothing holds: there was nothing to check.
    """
    held = 0
    for found in _findings(host, plugin_named(host, name), thorough):
        held += found.holds is not None
        yield found
    if not held:
        yield Finding("plugin", name, "checks", "there is something to hold it to", False, "nothing of it could be checked.")


def _findings(host: Host, plugin: Plugin, thorough: bool) -> Iterator[Finding]:
    for failure in host.failures:
        if failure.name == plugin.name:
            yield Finding("plugin", plugin.name, "loads", "all that it offers is used", False, failure.reason)
    offers = host.offers(plugin)
    if not offers:
        yield Finding("plugin", plugin.name, "offers", "it offers something", False, "no hook of persync is implemented.")
    for connector in offers.get("connectors", ()):
        if host.connectors[connector].streams:
            yield from _connector(host, connector, thorough)
    for notifier in offers.get("notifiers", ()):
        for told in NOTIFIER:
            yield _found("notifier", notifier, told, partial(told.of, host, notifier))
    for importer in offers.get("importers", ()):
        for each in IMPORTER:
            yield _found("importer", importer, each, partial(each.of, host.importers[importer]))
    asked = [kind for kind in CHECKED if offers.get(kind)]
    if asked:
        with tempfile.TemporaryDirectory(prefix="persync-") as folder, shop_of(host, Path(folder)) as shop:
            for kind in asked:
                for one in offers[kind]:
                    for check in CHECKED[kind]:
                        yield _found(kind[:-1], one, check, partial(check.run, shop, one))


def _connector(host: Host, name: str, thorough: bool) -> Iterator[Finding]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="persync-")))
        try:
            case = stack.enter_context(case_of(host, name, folder))
        except PersyncError as error:
            yield Finding("connector", name, "sandbox", "it can be pulled from its own sandbox", False, str(error))
            return
        for check in CONNECTOR:
            yield _found("connector", name, check, partial(check.hold, case, thorough, CONNECTOR))


def _found(kind: str, name: str, check: Any, run: Callable[[], str]) -> Finding:
    try:
        return Finding(kind, name, check.name, check.claim, True, run())
    except NotTriedError as reason:
        return Finding(kind, name, check.name, check.claim, None, str(reason))
    except AssertionError as error:
        told = str(error)
    except PersyncError as error:
        told = str(error)
    except Exception as error:  # a stranger's plugin may fail in any way, and the other checks still say something
        told = f"{type(error).__name__} where the check looked."
    return Finding(kind, name, check.name, check.claim, False, told)
