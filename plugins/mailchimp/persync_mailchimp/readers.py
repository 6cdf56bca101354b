"""How members are paged: by the moment of their last change, because offsets alone lose people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect.readers import iso, picked
from persync.connect.stream import Request, Step, Token, Work
from persync.errors import RecordError
from persync_mailchimp.dates import moment

__all__ = ["ChangedPages"]


class _Changed(TypedDict):
    last_changed: NotRequired[str | None]


class _Page(TypedDict):
    members: list[_Changed]
    total_items: int


_PAGE: TypeAdapter[_Page] = TypeAdapter(_Page)


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

    def start(self, work: Work) -> Token:
        return {"since": work.since, "offset": 0, "count": self.count}

    def request(self, work: Work, token: Token) -> Request:
        params = dict(work.stream.params)
        params |= {"sort_field": "last_changed", "sort_dir": "ASC"}
        params |= {"count": str(token["count"]), "offset": str(token["offset"])}
        if token["since"] is not None:
            params["since_last_changed"] = _offset_form(token["since"])
        params["before_last_changed"] = _offset_form(work.until)
        path = work.stream.path.format_map({name: quote(str(value), safe="") for name, value in work.parent.items()})
        return Request(path=path, params=params)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        try:
            page = _PAGE.validate_json(body)
        except ValidationError:
            # One member without a usable date must become a reject of its own, not stop the page: fall back to offsets.
            members, total = picked(body, "members", "total_items")
            page = {"members": [{}] * len(members or ()), "total_items": total if isinstance(total, int) else 0}
        following = self._following(token, page)
        total = page["total_items"] if token["offset"] == 0 and token["since"] == work.since else None
        return Step(body, ("members",), following, total=total)

    def _following(self, token: Token, page: _Page) -> Token | None:
        members = page["members"]
        if not members or token["offset"] + len(members) >= page["total_items"]:
            return None
        try:
            last = moment(members[-1].get("last_changed"), "last_changed")
        except RecordError:
            last = None
        since: Any = token["since"]
        if last is not None and (since is None or last - 1000 > since):
            return {"since": last - 1000, "offset": 0, "count": token["count"]}
        return {**token, "offset": token["offset"] + max(1, len(members) - self.step_back)}

    def shrink(self, work: Work, token: Token) -> Token | None:
        return {**token, "count": token["count"] // 2} if token["count"] // 2 >= self.smallest else None


def _offset_form(at: int) -> str:
    return iso(at).replace("Z", "+00:00")
