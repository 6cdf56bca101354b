"""What the account itself says of its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from persync_hubspot import api

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
