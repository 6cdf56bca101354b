"""How members and reports are paged, where a count and an offset are not enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect.readers import OffsetPages, iso, picked, unexpected
from persync.connect.stream import Request, Step, Token, Work
from persync.errors import RecordError, ResponseError, SkipStreamError
from persync_mailchimp.dates import moment
from persync_mailchimp.records import Tracking
from persync_mailchimp.rows import untracked

__all__ = ["ChangedPages", "ReportPages", "WholeAnswer"]


class _Changed(TypedDict):
    last_changed: NotRequired[str | None]


class _Tracked(TypedDict):
    id: str
    tracking: NotRequired[Tracking | None]


class _Campaigns(TypedDict):
    campaigns: list[_Tracked]
    total_items: int


class _Page(TypedDict):
    members: list[_Changed]
    total_items: int


_PAGE: TypeAdapter[_Page] = TypeAdapter(_Page)
_TRACKED: TypeAdapter[_Campaigns] = TypeAdapter(_Campaigns)
_TRACKING_FIELDS = "total_items,campaigns.id,campaigns.tracking"


@dataclass(frozen=True, slots=True)
class ChangedPages:
    """Members in the order of `last_changed`, each page starting a second before the last change of the page before it.

    With plain offsets a member who changes while we read leaves the place they held, everybody behind moves up by one, and
    one person is never seen. Here only members who changed in one and the same second are paged by offset, and there each
    page reads the last `step_back` of the page before it again.
    """

    count: int = 1000
    smallest: int = 50
    step_back: int = 20
    bounded: bool = True
    """False for a listing of everybody: a member who changes while it is read must not fall out behind its end"""

    def start(self, work: Work) -> Token:
        return {"since": work.since, "offset": 0, "count": self.count}

    def request(self, work: Work, token: Token) -> Request:
        if "gone" in token:
            return Request(path="ping")
        params = dict(work.stream.params)
        params |= {"sort_field": "last_changed", "sort_dir": "ASC"}
        params |= {"count": str(token["count"]), "offset": str(token["offset"])}
        if token["since"] is not None:
            params["since_last_changed"] = _offset_form(token["since"])
        if self.bounded:
            params["before_last_changed"] = _offset_form(work.until)
        if work.parent.get("status"):
            params["status"] = work.parent["status"]
        path = work.stream.path.format_map({name: quote(str(value), safe="") for name, value in work.parent.items()})
        return Request(path=path, params=params)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if "gone" in token:
            return Step(b"[]", (), None)
        try:
            page = _PAGE.validate_json(body)
        except ValidationError as error:
            # One member without a usable date must become a reject of its own, not stop the page: fall back to offsets.
            members, total = picked(body, "members", "total_items")
            if not isinstance(members, list):
                raise unexpected(error) from None
            page = {"members": [{}] * len(members), "total_items": total if isinstance(total, int) else 0}
        self._check(token, page)
        following = self._following(token, page)
        total = page["total_items"] if token["offset"] == 0 and token["since"] == work.since else None
        # A page that goes on begins with somebody already seen, and a total counts who is there: neither can be empty.
        held, left = len(page["members"]), page["total_items"] - token["offset"]
        odd = held > token["count"] or held > max(0, left) or (not held and (left > 0 or token["since"] != work.since))
        return Step(body, ("members",), following, total=total, doubtful=odd)

    @staticmethod
    def _check(token: Token, page: _Page) -> None:
        """Raise ResponseError when a page holds who changed before it begins: it is another page's."""
        since = token["since"]
        if since is None:
            return
        for member in page["members"]:
            try:
                changed = moment(member.get("last_changed"), "last_changed")
            except RecordError:
                continue
            if changed is not None and changed < since // 1000 * 1000:
                raise ResponseError(
                    "Mailchimp sent members who changed before the moment that was asked for.", hint="Pull again later."
                )

    def continues(self, token: Token) -> bool:
        return bool(token.get("offset"))

    def _following(self, token: Token, page: _Page) -> Token | None:
        members = page["members"]
        # What is more than was asked for came twice, or comes again.
        held = min(len(members), token["count"])
        if not held or token["offset"] + held >= page["total_items"]:
            return None
        try:
            last = moment(members[-1].get("last_changed"), "last_changed")
        except RecordError:
            last = None
        since: Any = token["since"]
        if last is not None and (since is None or last - 1000 > since):
            return {"since": last - 1000, "offset": 0, "count": token["count"]}
        return {**token, "offset": token["offset"] + max(1, held - self.step_back)}

    def shrink(self, work: Work, token: Token) -> Token | None:
        if "gone" in token:
            return None
        return {**token, "count": token["count"] // 2} if token["count"] // 2 >= self.smallest else None

    def recover(self, work: Work, token: Token, error: ResponseError) -> Token | None:
        """Take a deleted audience for an empty one in a listing of everybody, else no listing would ever be complete again."""
        is_gone = isinstance(error, SkipStreamError) and error.reason == "gone"
        return {"gone": True} if is_gone and not self.bounded and "gone" not in token else None


@dataclass(frozen=True, slots=True)
class ReportPages:
    """Reports, after a look at all campaigns for those whose opens or clicks are not measured.

    A report does not tell whether tracking was on, and says 0 where it was off. The few such campaigns stand in the token
    as {"id": "o" | "c" | "oc"}, and go to the row function as `params["untracked"]`.
    """

    reports: OffsetPages = field(default_factory=lambda: OffsetPages(at="reports", since="since_send_time"))
    looked_at: int = 1000
    """how many campaigns are looked at in one call"""

    def start(self, work: Work) -> Token:
        return {"campaigns": 0, "off": {}}

    def request(self, work: Work, token: Token) -> Request:
        if "campaigns" in token:
            params = {"fields": _TRACKING_FIELDS, "count": str(self.looked_at), "offset": str(token["campaigns"])}
            return Request(path="campaigns", params=params)
        return self.reports.request(work, token)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if "campaigns" in token:
            return self._look(work, token, body)
        step = self.reports.read(work, token, body, headers)
        following = None if step.next is None else {**step.next, "off": token["off"]}
        return Step(step.body, step.at, following, total=step.total, params={"untracked": token["off"]})

    def _look(self, work: Work, token: Token, body: bytes) -> Step:
        try:
            page = _TRACKED.validate_json(body)
        except ValidationError as error:
            raise unexpected(error) from None
        off = dict(token["off"])
        off.update({one["id"]: mark for one in page["campaigns"] if (mark := untracked(one.get("tracking") or {}))})
        seen = token["campaigns"] + self.looked_at
        if page["campaigns"] and seen < page["total_items"]:
            return Step(b"[]", (), {"campaigns": seen, "off": off})
        return Step(b"[]", (), {**self.reports.start(work), "off": off})

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None if "campaigns" in token else self.reports.shrink(work, token)

    def continues(self, token: Token) -> bool:
        return bool(token.get("offset"))

    def probe(self, work: Work) -> Request:
        """Return a call for one report."""
        return self.reports.request(work, {**self.reports.start(work), "count": 1})

    def count(self, work: Work, body: bytes) -> int | None:
        """Return how many reports the answer to that call says there are."""
        (total,) = picked(body, "total_items")
        return total if isinstance(total, int) else None


def _offset_form(at: int) -> str:
    return iso(at).replace("Z", "+00:00")


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """A list that comes in one answer, by calls for which no `count` is documented.

    Should an answer name a larger total than it holds, the rest is asked for with a count after all.
    """

    at: str
    total_at: str = "total_items"

    def start(self, work: Work) -> Token:
        return {"offset": 0}

    def request(self, work: Work, token: Token) -> Request:
        pages = OffsetPages(at=self.at)
        request = pages.request(work, {**token, "count": pages.count})
        if token["offset"]:
            return request
        return Request(path=request.path, params={k: v for k, v in request.params.items() if k not in ("count", "offset")})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        total, found = picked(body, self.total_at, self.at)
        held = len(found) if isinstance(found, list) else 0
        seen = token["offset"] + held
        more = isinstance(total, int) and held > 0 and seen < total
        return Step(body, (self.at,), {"offset": seen} if more else None, total=total if isinstance(total, int) else None)

    def continues(self, token: Token) -> bool:
        return bool(token["offset"])

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None
