"""What is set and what is installed: the answers of `persync config show` and `persync plugins list`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from persync.errors import ConfigError, nearest
from persync.report.render.estimates import document

if TYPE_CHECKING:
    from persync.plugins import Failure, Host, Plugin
    from persync.settings import Project
    from persync.settings.origins import Setting


def settings_of(project: Project, host: Host, tables: Sequence[str]) -> list[Setting]:
    """Return every setting, or those of some tables. Raise ConfigError for a table without any, and as `origins` does."""
    from persync.settings.origins import origins

    found = list(origins(project, host))
    for table in tables:
        if not any(_within(one, table) for one in found):
            known = {part for one in found for part in (one.name, one.name.partition(".")[0], one.name.rpartition(".")[0])}
            raise ConfigError(f"nothing is set under '{table}'.", hint=nearest(table, sorted(known)))
    return [one for one in found if not tables or any(_within(one, table) for table in tables)]


def _within(one: Setting, table: str) -> bool:
    return f"{one.name}.".startswith(f"{table}.")


def settings_json(found: Iterable[Setting]) -> str:
    """Return settings as the one JSON object of the command."""
    return document("settings", ({"setting": one.name, "value": one.value, "origin": one.origin} for one in found))


def plugin_entries(host: Host) -> Iterator[dict[str, Any]]:
    """Yield one entry for each room of persync and each plugin, whatever went wrong with it and how often."""
    from persync.plugins import BUNDLED

    reasons: dict[tuple[str, str, str], list[Failure]] = {}
    for failure in host.failures:
        reasons.setdefault(_key(failure), []).append(failure)
    offers = {_key(one): host.offers(one) for one in (*host.core, *host.plugins)}
    for key in dict.fromkeys((*offers, *reasons)):
        name, distribution, version = key
        yield {
            "name": name,
            "distribution": distribution or None,
            "version": version or None,
            "bundled": distribution == BUNDLED,
            "offers": offers.get(key, {}),
            "failure": _told(reasons[key]) if key in reasons else None,
        }


def plugins_json(entries: Iterable[dict[str, Any]]) -> str:
    """Return entries of plugins as the one JSON object of the command."""
    return document("plugins", entries)


def _told(failures: list[Failure]) -> str:
    """Return the reason as it is, or where there are several a sentence for each."""
    return failures[0].reason if len(failures) == 1 else " ".join(one.sentence for one in failures)


def _key(one: Plugin | Failure) -> tuple[str, str, str]:
    return one.name, one.distribution, one.version
