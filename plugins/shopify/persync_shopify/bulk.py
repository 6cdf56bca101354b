"""The first load of orders by bulk operations: Shopify writes them to a file, which is read in parts.

Where there is little, pages are faster. Where there is much, slices of the time in which orders were placed are run one after
the other; each is accepted only when its file has the lines, orders and bytes that Shopify counted, and only then shaped. An
operation that runs too long is asked for half of the time, one that fails is run again, and what cannot be read in bulk at
all is read in pages. An operation bears a mark, by which a pull that was killed finds it again; others are left alone.

The token says in which phase a slice is: size, look, poll, load, pages. The file's URL is never in it, because whoever
has it can read the file without a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from persync.connect import DAY_MS, Request, SinglePage, Step, Stream, Token, Work, iso, picked
from persync.errors import ResponseError
from persync_shopify.access import granted
from persync_shopify.bulk_jobs import Job, first_line, job_of, started
from persync_shopify.bulk_lines import read_lines
from persync_shopify.bulk_rows import BulkRecord, line_of_file_rows
from persync_shopify.bulk_slices import Slice
from persync_shopify.pages import OrderPages, counted, redacted
from persync_shopify.queries import query
from persync_shopify.values import milliseconds

__all__ = ["BulkError", "BulkOrders"]

WIDE_MS: Final = 7 * DAY_MS
"""a window that is wider may hold much: then the orders are counted first"""
PART: Final = 512 * 1024
"""bytes of a file that are read and shaped at once: some 1,000 lines; 2 MB would need 40 MB of memory more"""
LONGEST_LINE: Final = 64 * 1024 * 1024
TRIES: Final = 3
"""how often one run goes at a slice again"""
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
BUSY_WAIT_S: Final = 30.0
_GRAPHQL: Final = "graphql.json"
_WAITING: Final = (b"[]", ())

LINES: Final = Stream(
    name="orders",
    record=BulkRecord,
    rows=line_of_file_rows,
    reader=SinglePage(),
    key="key",
    safe=("key", "parent", "order.id", "order.name", "order.sourceName", "order.displayFinancialStatus"),
)
"""how the lines of a file are read; the stream itself reads pages"""


class BulkError(ResponseError):
    """A slice that could not be read whole. What was read is kept; the next pull goes at the slice again."""


@dataclass(frozen=True)
class BulkOrders:
    """Reads orders in bulk where there are more than the setting `bulk_over`, else by `pages`."""

    pages: OrderPages
    part: int = PART

    @property
    def query(self) -> str:
        """The name of the page query."""
        return self.pages.query

    @property
    def size(self) -> int:
        """How many orders a page has."""
        return self.pages.size

    def start(self, work: Work) -> Token:
        plain = self.pages.start(work)
        wide = work.since is None or work.until - work.since > WIDE_MS
        return {"phase": "size"} if wide else plain

    def probe(self, work: Work) -> Request:
        """Return a call for one order and how many there are."""
        return self.pages.probe(work)

    def count(self, work: Work, body: bytes) -> int | None:
        """Return how many orders Shopify says there are, None when it does not say exactly."""
        return self.pages.count(work, body)

    def continues(self, token: Token) -> bool:
        """Tell whether a page goes on within the list of orders."""
        return token.get("phase") is None and self.pages.continues(token)

    # -- what is asked ----------------------------------------------------------------------------------------------

    def request(self, work: Work, token: Token) -> Request:
        phase = token.get("phase")
        if phase is None:
            return self.pages.request(work, token)
        if phase == "pages":
            return self._inner(token).request(work, token["pages"])
        if phase == "size":
            since = "" if work.since is None else f"updated_at:>='{iso(work.since)}'"
            return _call(self._text(work, "bulk_size"), query=since)
        if phase == "look" and not _looked(work, token):
            return _call(self._text(work, "bulk_list"))
        if phase == "look":
            return replace(_call(self._text(work, "bulk_run"), text=self.text(work, token)), once=True)
        url = work.memo.get(_url(token)) if phase == "load" else None
        if url is None:
            return _call(self._text(work, "bulk_poll"), id=token["op"])
        return Request(path=url, span=(token["offset"], token.get("part", self.part)))

    def text(self, work: Work, token: Token) -> str:
        """Return the text of a slice's operation, our mark first."""
        terms = Slice(*token["slice"]).terms()
        if work.since is not None:
            # A lower bound only: orders may come in while it runs, but none leaves.
            terms += f" AND updated_at:>='{iso(work.since)}'"
        return f"{mark(work, token)}\n{self._text(work, 'bulk_orders').replace('$QUERY', terms)}"

    @staticmethod
    def _text(work: Work, name: str) -> str:
        return query(name, work.settings.api_version, granted(work.parent))

    def _inner(self, token: Token) -> OrderPages:
        """Return the pages of a slice."""
        return replace(self.pages, filter=f"{Slice(*token['slice']).terms()} AND {self.pages.filter}")

    # -- what is answered -------------------------------------------------------------------------------------------

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        phase = token.get("phase")
        if phase is None:
            return self.pages.read(work, token, body, headers)
        if phase == "pages":
            step = self._inner(token).read(work, token["pages"], body, headers)
            following = self._after(work, token, 0) if step.next is None else {**token, "pages": step.next}
            return replace(step, next=following, total=None)
        if phase == "load" and _url(token) in work.memo:
            return self._load(work, token, body, headers)
        if phase == "look":
            return self._run(work, token, body) if _looked(work, token) else self._look(work, token, body)
        return self._size(work, token, body) if phase == "size" else self._poll(work, token, body)

    def _size(self, work: Work, token: Token, body: bytes) -> Step:
        count, (nodes,) = counted(body), picked(body, "data.orders.nodes")
        if not count or not nodes or count <= work.settings.bulk_over:
            return _to(self.pages.start(work))
        oldest = milliseconds(datetime.fromisoformat(str(nodes[0]["createdAt"])))
        piece = Slice.first(oldest, work.until, count, work.settings.bulk_slice)
        return _to({"phase": "look", "slice": list(piece), "attempt": 1, "redacted": list(redacted(body))})

    def _look(self, work: Work, token: Token, body: bytes) -> Step:
        if (why := work.memo.get("stop")) is not None:
            raise BulkError(why, hint="Pull again: it goes on with the slice that is missing.")
        (nodes,) = picked(body, "data.bulkOperations.nodes")
        own = mark(work, token)
        for node in nodes or []:
            if first_line(node.get("query")) == own and node.get("status") in ("CREATED", "RUNNING", "COMPLETED"):
                return _to({**token, "phase": "poll", "op": str(node["id"]), "polls": 0})
        # In the memo: a pull that is killed now must look again, for it may have been started.
        work.memo["looked"] = own
        return _to({**token, "looks": token.get("looks", 0) + 1})

    def _run(self, work: Work, token: Token, body: bytes) -> Step:
        try:
            op, busy, words = started(body)
        except ResponseError:
            # A damaged answer: it may have been started, so it is looked for.
            return self._again(work, token, "the answer to a bulk operation's start could not be read.", fresh=False)
        if op is not None:
            return _to({**token, "phase": "poll", "op": op, "polls": 0}, wait=FIRST_WAIT_S)
        if not busy:
            raise BulkError(f"Shopify refuses the bulk operation: {words[:300]}", hint="Set bulk_over higher to read in pages.")
        work.memo.pop("looked")
        waited = token.get("waited", 0.0) + BUSY_WAIT_S
        if waited > work.settings.bulk_patience * 60:
            return _to(self._paged(work, token, rest=True))
        return _to({**token, "phase": "look", "waited": waited}, wait=BUSY_WAIT_S)

    def _poll(self, work: Work, token: Token, body: bytes) -> Step:
        job = job_of(body)
        verdict = job.verdict if job is not None else "gone"
        if job is not None and verdict == "runs":
            polls = token.get("polls", 0) + 1
            # It may run for ten days: the exponent has an end of its own.
            wait = min(FIRST_WAIT_S * 1.5 ** min(polls, 20), LONGEST_WAIT_S)
            return _to({**_without(token, "offset"), "phase": "poll", "polls": polls}, wait=wait)
        if job is not None and verdict == "done":
            return self._done(work, token, job)
        if verdict == "timeout":
            half = Slice(*token["slice"]).half()
            if half is None:
                return _to(self._paged(work, token, rest=False))
            return _to({"phase": "look", "slice": list(half), "attempt": 1, "redacted": token.get("redacted", [])})
        if verdict == "denied":
            # The operation does not say to what; pages do, field by field.
            return _to(self._paged(work, token, rest=True))
        if verdict == "cancelled":
            work.memo["stop"] = "the bulk operation was cancelled in Shopify."
            return self._again(work, token, "")
        if verdict == "gone":
            return self._again(work, token, "the results of bulk operations expire before they are read.")
        return self._again(work, token, "Shopify fails at the bulk operation.", wait=BUSY_WAIT_S)

    def _done(self, work: Work, token: Token, job: Job) -> Step:
        if job.url is None:
            if job.objects != 0:
                return self._again(work, token, f"a bulk operation found {job.objects} records and gives no file.")
            return self._complete(work, token, _WAITING[0], 0)
        work.memo[_url(token)] = job.url
        if "offset" in token:
            return _to({**token, "again": token.get("again", 0) + 1})
        counts = {"objects": job.objects, "roots": job.roots, "bytes": job.size}
        return _to({**_without(token, "polls", "waited"), "phase": "load", **counts, "offset": 0, "seen": [0, 0]})

    def _load(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        size, offset = token["bytes"], token["offset"]
        whole = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", "")
        if size is None or (whole.isdecimal() and int(whole) != size) or (not body and size):
            return self._again(work, token, f"the bulk operation's file has {whole or 'other'} bytes, not {size}.")
        last = offset + len(body) >= size
        cut = len(body) if last else body.rfind(b"\n") + 1
        if not cut and not last:
            length = token.get("part", self.part) * 2
            if length > LONGEST_LINE:
                raise BulkError(
                    "a line of the bulk operation's file is longer than 64 MB.", hint="Set bulk_over higher to read in pages."
                )
            return _to({**token, "part": length})
        found = read_lines(body[:cut])
        lines, roots = token["seen"][0] + found.lines, token["seen"][1] + found.roots
        hidden = {"redacted": token.get("redacted", [])}
        if not last:
            following = {**_without(token, "part", "again"), "offset": offset + cut, "seen": [lines, roots]}
            return Step(found.records, (), following, of=LINES, params=hidden)
        if (lines, roots) == (token["objects"], token["roots"]):
            return self._complete(work, token, found.records, roots)
        why = f"the bulk operation's file has {lines} of {token['objects']} lines and {roots} of {token['roots']} orders."
        return replace(self._again(work, token, why), body=found.records, of=LINES, params=hidden)

    # -- what comes next --------------------------------------------------------------------------------------------

    def _complete(self, work: Work, token: Token, records: bytes, roots: int) -> Step:
        following = self._after(work, token, roots)
        work.memo.clear()
        hidden = {"redacted": token.get("redacted", [])}
        return Step(records, (), following, of=LINES, join=following is not None, params=hidden)

    def _after(self, work: Work, token: Token, roots: int) -> Token | None:
        """Return the token of the slice after this one."""
        piece = Slice(*token["slice"]).following(work.until, roots, work.settings.bulk_slice)
        if piece is None:
            return None
        return {"phase": "look", "slice": list(piece), "attempt": 1, "redacted": token.get("redacted", [])}

    def _paged(self, work: Work, token: Token, *, rest: bool) -> Token:
        """Return the token that reads this slice in pages, or all that is left."""
        piece = Slice(*token["slice"])
        if rest:
            piece = piece._replace(end=work.until)
        return {"phase": "pages", "slice": list(piece), "pages": self.pages.start(work), "redacted": token.get("redacted", [])}

    def _again(self, work: Work, token: Token, why: str, *, fresh: bool = True, wait: float = 0.0) -> Step:
        """Go at a slice again, with another mark unless the operation may still be used.

        After some times in one run only what was read is shaped, and the next answer raises `why`: the token is then at the
        beginning of the slice, where the next pull goes on.
        """
        name = f"tries {token['slice'][:2]}"
        tries = work.memo[name] = work.memo.get(name, 0) + 1
        if tries > TRIES:
            work.memo.setdefault("stop", why)
        work.memo.pop(_url(token), None)
        work.memo.pop("looked", None)
        attempt = token["attempt"] + (1 if fresh else 0)
        following = {"phase": "look", "slice": token["slice"], "attempt": attempt, "redacted": token.get("redacted", [])}
        return _to({**following, "tries": tries}, wait=wait, join="stop" in work.memo)

    def shrink(self, work: Work, token: Token) -> Token | None:
        phase = token.get("phase")
        if phase is None:
            return self.pages.shrink(work, token)
        if phase == "pages":
            smaller = self._inner(token).shrink(work, token["pages"])
            return None if smaller is None else {**token, "pages": smaller}
        if phase != "look" or not _looked(work, token):
            return None
        # Nobody knows whether it was started: look for it before starting another.
        following = self._again(work, token, "Shopify does not answer when a bulk operation is started.", fresh=False).next
        return None if "stop" in work.memo else following

    def recover(self, work: Work, token: Token, error: ResponseError) -> Token | None:
        """Return where to go on after an error that asking again does not mend, None to give up."""
        if token.get("phase") != "load" or isinstance(error, BulkError):
            return None
        # Refused by the storage, or damaged: the file is of no use any more.
        return self._again(work, token, f"the bulk operation's file cannot be read: {error.what}").next


def mark(work: Work, token: Token) -> str:
    """Return the comment by which an operation is known as ours, and as this very slice of this very pass.

    It holds the end of the pass, so that no result of an earlier one is taken for it: that would miss what changed between.
    """
    start, end, *_ = token["slice"]
    return f"# persync orders, pass {work.until}, slice {start}-{end}, attempt {token['attempt']}"


def _looked(work: Work, token: Token) -> bool:
    """Tell whether this run has looked for the slice's operation and found none: now it is started."""
    return work.memo.get("looked") == mark(work, token)


def _url(token: Token) -> str:
    """Return the name under which the URL of an operation's file is remembered."""
    return f"url {token.get('op')}"


def _call(query_text: str, /, **variables: Any) -> Request:
    return Request("POST", _GRAPHQL, json={"query": query_text, "variables": variables})


def _to(token: Token, *, wait: float = 0.0, join: bool = False) -> Step:
    body, at = _WAITING
    return Step(body, at, token, wait=wait, join=join)


def _without(token: Token, *names: str) -> Token:
    return {name: value for name, value in token.items() if name not in names}
