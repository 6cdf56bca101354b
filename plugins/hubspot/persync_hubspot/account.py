"""What the account itself says of its limits and of the names it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from persync.errors import SkipStreamError
from persync_hubspot import api
from persync_hubspot import properties as prop
from persync_hubspot.property_reader import SENSITIVITIES

if TYPE_CHECKING:
    from persync.connect.client import Client


class DailyUsage(NamedTuple):
    """How many calls of the day are used up, by all of the account's keys, and when they come back (ISO 8601 UTC)."""

    used: int
    limit: int
    resets_at: str | None

    def __str__(self) -> str:
        share = 100 * self.used / self.limit if self.limit else 0.0
        until = f", until {self.resets_at}" if self.resets_at else ""
        return f"{self.used} of {self.limit} calls of today used ({share:.1f} %){until}"


def daily_usage(client: Client) -> DailyUsage | None:
    """Ask how many of the day's calls are used up; None when HubSpot does not say (with OAuth, or when it failed to count).

    The day is the account's own, and two official pages disagree on the limit of some tiers: what counts is this answer.
    """
    for one in client.get_json(api.USAGE).get("results") or ():
        if one.get("fetchStatus") in ("SUCCESS", "CACHED") and isinstance(one.get("usageLimit"), int):
            return DailyUsage(int(one["currentUsage"]), one["usageLimit"], one.get("resetsAt"))
    return None


def wrong_names(client: Client, attributes: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (type, one sentence) for each property that is asked for and that the account does not have.

    HubSpot would leave such a name out without a word. The sensitive properties of contacts are listed apart, so they are
    only asked for when an attribute is not among the others. A type that may not be read is left out.
    """
    for kind, names in prop.ASKED.items():
        asked = prop.with_opted_in(names, attributes if kind == "contacts" else ())
        try:
            known = _names(client, kind, {})
            for level in SENSITIVITIES[1:]:
                if kind == "contacts" and not known.issuperset(asked):
                    known |= _names(client, kind, {"dataSensitivity": level})
        except SkipStreamError:
            continue
        for problem in prop.unknown(asked, known):
            yield kind, problem


def _names(client: Client, kind: str, params: dict[str, str]) -> set[str]:
    return {one["name"] for one in client.get_json(api.properties(kind), params)["results"]}
