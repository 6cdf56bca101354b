"""Heavy activity through `/batches`: Mailchimp does the paging on its side and hands over one archive of many answers.

A campaign with 100,000 recipients is 100 slow pages of activity. As a batch they are a few jobs that count as one
connection each while they run. Only GET operations are ever sent. What a batch leaves out or reports as failed is asked for
singly: nothing is skipped.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NotRequired

import orjson
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect import as_json, mended
from persync.connect.readers import OffsetPages, unexpected
from persync.connect.stream import Request, Step, Token, Work
from persync.errors import AuthError, QuotaError, ResponseError, SkipStreamError

__all__ = ["BatchPages"]

LOT = 20
"""pages asked for in one batch, of the 1,000 operations it may hold: its answers are held in memory together"""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""how long is waited before a batch is asked after first, and at most: half as long again each time"""
MOST_POLLS = 90
"""asked so often (about an hour and a half) a batch that is still not finished is given up"""
MOST_TRIES = 3
"""so often a fresh link, or a fresh batch, is asked for before the pages are read singly"""
LARGEST = 512 * 1024 * 1024
"""bytes; an archive that unpacks to more than this is not one of ours"""


class _Batch(TypedDict):
    id: str
    status: NotRequired[str | None]
    total_operations: NotRequired[int | None]
    errored_operations: NotRequired[int | None]
    response_body_url: NotRequired[str | None]


class _Result(TypedDict):
    status_code: int
    operation_id: NotRequired[str | None]
    response: NotRequired[str | None]


_BATCH: TypeAdapter[_Batch] = TypeAdapter(_Batch)
_RESULTS: TypeAdapter[list[_Result]] = TypeAdapter(list[_Result])
_BATCH_FIELDS = "id,status,total_operations,finished_operations,errored_operations,response_body_url"


@dataclass(frozen=True, slots=True)
class BatchPages:
    """`pages`, by batches when the campaign has more recipients than the setting `batch_over`.

    `expected` names the parent's number of records. A token is one of: {offset} a plain page; {from} a batch to be sent;
    {batch} one to be asked after; {url} a result to be fetched; {singly} pages that a batch left out.
    """

    pages: OffsetPages
    expected: str = "recipients"
    lot: int = LOT

    def start(self, work: Work) -> Token:
        over = getattr(work.settings, "batch_over", 0)
        expected = work.parent.get(self.expected) or 0
        # Of opens only those since the last pull are listed, of activity always everybody.
        few = expected <= over or (self.expected == "openers" and work.since is not None)
        return self.pages.start(work) if not over or few else {"from": 0, "tries": 0}

    def continues(self, token: Token) -> bool:
        return bool(token.get("offset"))

    def request(self, work: Work, token: Token) -> Request:
        if "offset" in token:
            return self.pages.request(work, token)
        if "singly" in token:
            return self.pages.request(work, self._page(*token["singly"][0]))
        if "url" in token:
            # Another host: no credentials go there.
            return Request(path=token["url"])
        if "batch" in token:
            return Request(path=f"batches/{token['batch']}", params={"fields": _BATCH_FIELDS})
        operations = [self._operation(work, offset) for offset in self._offsets(work, token)]
        return Request("POST", "batches", json={"operations": operations})

    def _page(self, offset: int, count: int) -> Token:
        return {"offset": offset, "count": count}

    def _operation(self, work: Work, offset: int) -> dict[str, Any]:
        page = self.pages.request(work, self._page(offset, self.pages.count))
        numbers = {name: int(page.params[name]) for name in ("count", "offset")}
        return {
            "method": "GET",
            "path": f"/{page.path}",
            "operation_id": str(offset),
            "params": {**page.params, **numbers},
        }

    def _offsets(self, work: Work, token: Token) -> range:
        count = self.pages.count
        left = max(1, (token.get("total") or work.parent.get(self.expected) or 0) - token["from"])
        return range(token["from"], token["from"] + min(self.lot, -(-left // count)) * count, count)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if "offset" in token:
            return self.pages.read(work, token, body, headers)
        if "singly" in token:
            return self._read_single(work, token, body, headers)
        if "url" in token:
            return self._read_archive(work, token, body)
        try:
            batch = _BATCH.validate_json(body)
        except ValidationError as error:
            raise unexpected(error) from None
        lot: Token = {name: token[name] for name in ("from", "tries", "total") if name in token}
        if "batch" not in token:
            return _pause({**lot, "batch": batch["id"], "polls": 0})
        if batch.get("status") != "finished":
            if token["polls"] >= MOST_POLLS:
                return Step(b"[]", (), self._singly(work, token))
            return _pause({**token, "polls": token["polls"] + 1})
        url = batch.get("response_body_url")
        if not url or (batch.get("total_operations") and batch.get("errored_operations") == batch.get("total_operations")):
            return Step(b"[]", (), self._singly(work, token))
        return Step(b"[]", (), {**lot, "batch": token["batch"], "url": url})

    def _read_archive(self, work: Work, token: Token, body: bytes) -> Step:
        wanted = self._offsets(work, token)
        records: list[Any] = []
        total: int | None = None
        good: set[int] = set()
        bad: set[int] = set()
        for result in _results(body):
            offset = int(name) if (name := result.get("operation_id") or "").isdecimal() else -1
            page = _page_of(result, self.pages.at)
            if page is None:
                bad.add(offset)
                continue
            good.add(offset)
            records += page[self.pages.at]
            total = page.get(self.pages.total_at, total)
        left = [[offset, self.pages.count] for offset in wanted if offset not in good or offset in bad]
        counted = total if isinstance(total, int) else None
        known = token.get("total") or work.parent.get(self.expected) or 0 if counted is None else counted
        after = self._after({"from": wanted.stop, "tries": 0, "total": known})
        following = {"singly": left, "end": wanted.stop, "after": after} if left else after
        return Step(as_json({self.pages.at: records}), (self.pages.at,), following, total=counted)

    def _read_single(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        (offset, count), *left = token["singly"]
        step = self.pages.read(work, self._page(offset, count), body, headers)
        after = token["after"]
        if not left and after is None and step.total is not None and token["end"] < step.total:
            # More than was expected: the list has grown since the report.
            after = self._page(token["end"], self.pages.count)
        following = {**token, "singly": left} if left else after
        return Step(step.body, step.at, following, total=step.total)

    @staticmethod
    def _after(token: Token) -> Token | None:
        return token if token["from"] < token["total"] else None

    def _singly(self, work: Work, token: Token) -> Token:
        """Return the token that asks for a batch's pages one by one."""
        offsets = self._offsets(work, token)
        known = token.get("total") or work.parent.get(self.expected) or 0
        after = self._after({"from": offsets.stop, "tries": 0, "total": known})
        return {"singly": [[offset, self.pages.count] for offset in offsets], "end": offsets.stop, "after": after}

    def shrink(self, work: Work, token: Token) -> Token | None:
        if "offset" in token:
            return self.pages.shrink(work, token)
        if "singly" not in token:
            return None
        (offset, count), *left = token["singly"]
        smaller = self.pages.shrink(work, self._page(offset, count))
        if smaller is None:
            return None
        half = smaller["count"]
        return {**token, "singly": [[offset, half], [offset + half, count - half], *left]}

    def recover(self, work: Work, token: Token, error: ResponseError) -> Token | None:
        """Go on after a refusal: a fresh link for one that ran out, a fresh batch for one that was forgotten, else pages."""
        if isinstance(error, AuthError | QuotaError) or "offset" in token or "singly" in token:
            return None
        tries = token["tries"] + 1
        lot: Token = {name: token[name] for name in ("from", "total") if name in token}
        if tries > MOST_TRIES:
            return self._singly(work, token)
        if "url" in token:
            return {**lot, "tries": tries, "batch": token["batch"], "polls": 0}
        if "batch" in token:
            is_gone = isinstance(error, SkipStreamError) and error.reason == "gone"
            return {**lot, "tries": tries} if is_gone else None
        # Not every role may send a batch; whoever may not read the pages either is told so by them.
        return self._page(token["from"], self.pages.count)


def _pause(token: Token) -> Step:
    return Step(b"[]", (), token, wait=min(LONGEST_WAIT_S, FIRST_WAIT_S * 1.5 ** token["polls"]))


def _results(body: bytes) -> Iterator[_Result]:
    """Yield the results in an archive (a tar of JSON arrays, gzipped); of an empty file none.

    Raises ResponseError when it is damaged or absurdly large.
    """
    if not body:
        return
    try:
        with tarfile.open(fileobj=BytesIO(body), mode="r:*") as archive:
            size = 0
            for entry in archive:
                size += entry.size
                if size > LARGEST:
                    raise ResponseError(f"the batch's result unpacks to more than {LARGEST >> 20} MB.")
                file = archive.extractfile(entry) if entry.isfile() else None
                text = file.read() if file is not None else b""
                if text.strip():
                    yield from _RESULTS.validate_json(text)
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise ResponseError(f"the batch's result cannot be unpacked ({type(error).__name__}).") from None


def _page_of(result: _Result, at: str) -> dict[str, Any] | None:
    """Return the page that a result holds; None when its operation failed or holds no such page."""
    if result["status_code"] != 200:
        return None
    try:
        page = orjson.loads(mended((result.get("response") or "").encode()))
    except orjson.JSONDecodeError:
        return None
    return page if isinstance(page, dict) and isinstance(page.get(at), list) else None
