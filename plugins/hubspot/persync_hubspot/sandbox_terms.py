"""On what terms the imitated account may be asked: the key's scopes, the subscription, calls in ten seconds and a day."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from persync_hubspot.api import API_VERSION
from persync_hubspot.sandbox_wire import Refusal

WINDOW_S = 10.0
SEARCHES_PER_SECOND = 5
TIERS = ("free", "starter", "pro", "enterprise")
WINDOWS = {"free": 100, "starter": 100, "pro": 190, "enterprise": 190}
DAYS = {"free": 250_000, "starter": 250_000, "pro": 650_000, "enterprise": 1_000_000}
ADD_ON_WINDOW, ADD_ON_DAY = 250, 1_000_000
USAGE = f"/account-info/{API_VERSION}/api-usage/daily/private-apps"

_GATES: tuple[tuple[str, str, str], ...] = (
    (r"/communication-preferences/[^/]+/statuses/batch/.*", "communication_preferences.statuses.batch.read", "enterprise"),
    (r"/communication-preferences/.*", "communication_preferences.read", "starter"),
    (r"/marketing/campaigns/.*/reports/revenue", "marketing.campaigns.revenue.read", "pro"),
    (r"/marketing/campaigns/.*", "marketing.campaigns.read", "pro"),
    (r"/marketing/emails/.*|/email/public/v1/.*", "content", "free"),
    (r"/crm/lists/.*", "crm.lists.read", "free"),
    (r"/crm/objects/[^/]+/(0-19|feedback_submissions)(/.*)?", "crm.objects.feedback_submissions.read", "pro"),
    (r"/crm/objects/[^/]+/(0-1|contacts)(/.*)?", "crm.objects.contacts.read", "free"),
    (r"/crm/objects/[^/]+/(0-3|deals)(/.*)?", "crm.objects.deals.read", "free"),
    (r"/crm/objects/[^/]+/(0-123|orders)(/.*)?", "crm.objects.orders.read", "free"),
)
"""(path, the scope it needs, the least subscription)"""


class Denied(Refusal):
    """A 403. It names the scopes that the key lacks; without any, the subscription is too low."""

    def __init__(self, *scopes: str) -> None:
        if scopes:
            super().__init__(403, "This app hasn't been granted all required scopes to make this call.", "MISSING_SCOPES")
        else:
            super().__init__(403, "The account's subscription does not include this.", "FORBIDDEN")
        self._scopes = list(scopes)

    def body(self, correlation: str) -> dict[str, Any]:
        told = Refusal.body(self, correlation)
        if self._scopes:
            detail = "One or more of the following scopes are required."
            told["errors"] = [{"message": detail, "context": {"requiredGranularScopes": self._scopes}}]
        return told


class TooMany(Refusal):
    """A 429. Its body names the limit that was reached; `Retry-After` does not come."""

    def __init__(self, policy: str) -> None:
        what = policy.lower() if policy != "DAILY" else "daily"
        super().__init__(429, f"You have reached your {what} limit.", "RATE_LIMITS")
        self._policy = policy

    def body(self, correlation: str) -> dict[str, Any]:
        return {**Refusal.body(self, correlation), "errorType": "RATE_LIMIT", "policyName": self._policy}


@dataclass(slots=True)
class Terms:
    """What an account allows.

    Calls in ten seconds and searches a second are only limited with a `clock` (seconds): an imitation that is asked as fast
    as tests ask would refuse most of it. `daily` is how many calls the day has left, None for all of the subscription's.
    """

    tier: str = "enterprise"
    add_on: bool = False
    without: frozenset[str] = frozenset()
    """scopes that the key lacks"""
    daily: int | None = None
    clock: Callable[[], float] | None = None
    is_oauth: bool = False
    """under OAuth the headers say nothing of the day"""
    calls: int = 0
    _window: deque[float] = field(default_factory=deque)
    _searches: deque[float] = field(default_factory=deque)

    @property
    def window_max(self) -> int:
        """The calls in ten seconds."""
        return ADD_ON_WINDOW if self.add_on else WINDOWS[self.tier]

    @property
    def day_max(self) -> int:
        """The calls a day."""
        return DAYS[self.tier] + (ADD_ON_DAY if self.add_on else 0)

    @property
    def day_left(self) -> int:
        """The calls that are left today."""
        return max((self.day_max if self.daily is None else self.daily) - self.calls, 0)

    def admit(self, method: str, path: str) -> None:
        """Count a call, and refuse it when a limit was reached, a scope is missing or the subscription is too low."""
        if self.day_left == 0 and path != USAGE:
            raise TooMany("DAILY")
        if self.clock is not None:
            now = self.clock()
            if method == "POST" and path.endswith("/search") and path.startswith("/crm/objects/"):
                _count(self._searches, now, 1.0, SEARCHES_PER_SECOND, "SECONDLY")
            else:
                _count(self._window, now, WINDOW_S, self.window_max, "TEN_SECONDLY_ROLLING")
        self.calls += 1
        for pattern, scope, tier in _GATES:
            if re.fullmatch(pattern, path):
                if scope in self.without:
                    raise Denied(scope)
                if TIERS.index(self.tier) < TIERS.index(tier):
                    raise Denied()
                return

    def headers(self) -> Mapping[str, str]:
        """Return what every answer but a search's tells of the limits."""
        left = self.window_max - 1 if self.clock is None else self.window_max - len(self._window)
        told = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(WINDOW_S * 1000)),
            "X-HubSpot-RateLimit-Max": str(self.window_max),
            "X-HubSpot-RateLimit-Remaining": str(max(left, 0)),
        }
        if self.is_oauth:
            return told
        day = {"X-HubSpot-RateLimit-Daily": str(self.day_max), "X-HubSpot-RateLimit-Daily-Remaining": str(self.day_left)}
        return day | told


def lacking(scopes: Iterable[str]) -> frozenset[str]:
    """Return scopes that a key lacks; refuse a name that no path asks for, or a test would prove nothing."""
    known = {scope for _, scope, _ in _GATES}
    wanted = frozenset(scopes)
    if wanted - known:
        raise ValueError(f"no path asks for {', '.join(sorted(wanted - known))}")
    return wanted


def _count(calls: deque[float], now: float, window: float, most: int, policy: str) -> None:
    while calls and calls[0] <= now - window:
        calls.popleft()
    if len(calls) >= most:
        raise TooMany(policy)
    calls.append(now)
