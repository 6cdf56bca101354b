"""A stream: one kind of thing a connector reads, declared as data plus one pure function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from persync.rows import Row

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the account stream stored about the connection; None until it was read."""

    account_id: str | None = None
    currency: str | None = None
    timezone: str | None = None
    shop: str | None = None
    covers_from: int | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a row function may know besides its record.

    `parent` is the `data` of the `Child` this partition came from ({} without parent), `partition` its key; `settings`
    the connection's typed settings; `fields` the names of the fields of each list (`{list: {name: type}}`); `now` the
    start of this run in epoch milliseconds; `params` what the reader itself added for this page (an event type, a slice).
    """

    connection: str
    settings: Any
    account: AccountFacts
    now: int
    partition: str = ""
    parent: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Full:
    """Read everything at every pull."""


@dataclass(frozen=True, slots=True)
class Incremental:
    """Read what changed since the last complete window, which then reaches to `now - settle`.

    `overlap` is re-read at every pull (late index, late children); `lookback_days` is re-read once a day. All in ms
    but the last.
    """

    overlap: int = 10 * MINUTE_MS
    settle: int = 0
    lookback_days: int = 0


@dataclass(frozen=True, slots=True)
class Refresh:
    """Read what happened in the last `days` again at every pull (counters that move after the send), all at the first."""

    days: int = 90


@dataclass(frozen=True, slots=True)
class Every:
    """Read everything, but only when the last time was `days` ago: what no "changed since" can see.

    The first time is `days` after the connection's first pull, because that one reads everything anyway; with `first` it
    is at the first pull already. A stream asked for by name, or with `--full`, is read at once.
    """

    days: int
    first: bool = False


Window = Full | Incremental | Refresh | Every


@dataclass(frozen=True, slots=True)
class Sweep:
    """A complete pass over this stream names everything that there is of a thing: what it does not name is gone.

    `thing` is contact, campaign, order, product, company, ticket or cart; `only` and `without` narrow it to things of these
    kinds (the `kind` of campaigns and orders). Row functions yield a `Present` for each record. Nothing is believed to be
    gone when the pass named fewer things than the vendor's own total, or a record of it was rejected.

    `thing` may also be member: then each partition is the whole list of one segment's members, `only` the kind of segment and
    the partition its id. Whom it does not name has left the segment; the other segments are as they were.
    """

    thing: str
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `path` is relative to the connection's base URL, or an absolute URL that then gets no token."""

    method: str = "GET"
    path: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    """sent as application/x-www-form-urlencoded"""
    headers: Mapping[str, str] = field(default_factory=dict)
    span: tuple[int, int] | None = None
    """(offset, length): only this part of a big file, at most `length` bytes; the answer's `total` is the whole size"""
    once: bool = False
    """it starts something: not asked again unless it surely did not arrive; the reader's `shrink` then says how to go on"""


@dataclass(frozen=True, slots=True)
class Work:
    """What a reader is to read: a stream, one partition of it, a window [since, until) in epoch ms (since None = all)."""

    stream: Stream
    connection: str
    settings: Any
    account: AccountFacts
    partition: str
    parent: Mapping[str, Any]
    since: int | None
    until: int
    first_load: bool
    memo: dict[str, Any] = field(default_factory=dict)
    """what a reader remembers for this run alone, because it must not be stored (a signed URL) or counts anew each run"""


Token = dict[str, Any]
"""Where the next page starts: a small JSON object that a later run can go on from."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a reader found in one answer.

    `body` is the JSON text and `at` the path in it to the list of records (`single` when that is one record instead of a
    list); `next` the token of the following page, None at the end; `total` what the vendor says the whole partition
    holds, if it says; `params` goes to `Context.params`.
    """

    body: bytes
    at: tuple[str, ...]
    next: Token | None
    single: bool = False
    total: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    wait: float = 0.0
    """seconds to wait before the next call: a job that is still running; such a step has no records (`body` `[]`, `at` ())"""
    of: Stream | None = None
    """the declaration whose `record`, `rows`, `key` and `safe` this page follows, where a stream has pages of two kinds"""
    join: bool = False
    """a slice of the partition is complete: shape what is parked before going on, so that it does not pile up"""
    doubtful: bool = False
    """it came without what it was to hold: asked for once more, and then believed"""


Below = Callable[[str], list[dict[str, Any]]]
"""returns the data of the parked records right below a key"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a whole stream holds, in all its parts together, where no answer of its own tells.

    `count` is of records, or with `is_records=False` of what its pages are cut from; `note` says of what, in words.
    `at_most`: it is an upper bound. `pages_each` is how many pages each part takes however little it holds.
    """

    count: int
    note: str
    at_most: bool = False
    is_records: bool = True
    pages_each: int = 1


class Reader(Protocol):
    """How one mechanism pages. Stateless: everything it must remember is in the token.

    More methods may be there. `probe(work) -> Request`: the smallest call that shows whether this can be read (one row, for
    `doctor` and `pull --dry-run`; without it the first page is asked for). `count(work, body) -> int | None`: how many
    records the partition holds according to the answer to that call. `calls(pages) -> int`: the calls that so many pages
    take, where it is not one each. `sizing(work) -> Request` and `sized(work, body) -> Size | None`: where no count can tell
    how much there is, one more small call for `pull --dry-run`, and what its answer says of the whole stream.
    `continues(token) -> bool`: whether a page goes on within one list, so that it must hold records, and others than the
    page before it.
    """

    def start(self, work: Work) -> Token:
        """Return the token of the first page."""
        ...

    def request(self, work: Work, token: Token) -> Request:
        """Return the call that a token stands for."""
        ...

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        """Take an answer apart. Raise TransientError, ResponseError or SkipStreamError when it is an error inside a 200."""
        ...

    def shrink(self, work: Work, token: Token) -> Token | None:
        """Return a token for a smaller page at the same place after the vendor refused this size, None if it cannot be."""
        ...


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of thing a connector reads.

    `record` is a TypedDict (from typing_extensions) that pydantic validates from the page's bytes: name only what is
    used. `rows` is pure. `key` and `version` are dotted paths in a record: its id (for rejects and versions) and, when
    the vendor has one, the value that changes whenever the record does (an unchanged record is then skipped; raise
    `shape` when the row function begins to yield something else). `personal_key` says that the key names a person and must be
    hashed wherever it is noted. `safe` lists dotted fields (besides dates, numbers and booleans) whose text may be shown in
    a reject. `parent` names the stream whose rows yield this one's `Child` partitions; `children` what this one yields.
    """

    name: str
    record: Any
    rows: Callable[[Any, Context], Iterator[Row]]
    reader: Reader
    path: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    key: str = "id"
    version: str | None = None
    shape: int = 1
    personal_key: bool = False
    safe: tuple[str, ...] = ()
    window: Window = field(default_factory=Full)
    parent: str | None = None
    needs: tuple[str, ...] = ()
    """streams that must have been read before this one although it is not their child: above all what brings the account and
    the fields that its row function reads (`Context.account`, `Context.fields`). Once one of them says what it could not say
    before, because a record did not fit or a call failed, this one is read again from its beginning; so is, for the account,
    what hangs under it"""
    scopes: tuple[str, ...] = ()
    """what the token must be allowed to read, in the vendor's words: shown by `doctor` and in a skipped stream's reason"""
    default: bool = True
    """False: read only when asked for by name"""
    sweeps: Sweep | None = None
    """what a complete pass lists in full; such a stream has no `version`"""
    join: Callable[[Mapping[str, Any], tuple[Mapping[str, Any], ...], Context], Iterator[Row]] | None = None
    """for bulk results: shapes a `Parked` record's data together with its parents' (nearest first), at the partition's end"""
    gather: Callable[[Mapping[str, Any], Below, Context], Iterator[Row]] | None = None
    """instead of `join`, where a record can only be understood whole: shapes the data of a `Parked` record without parent, with
    a function that returns the data of those parked below a key; the key of a child begins with its parent's key and a /"""
    unused: tuple[str, ...] = ()
    """dotted fields that the vendor is known to send and nobody reads: any other unread field is told as new at every pull"""
    facts: tuple[str, ...] = ()
    """the facts of the metrics catalogue that it carries, in plain words ("opens", "refunds"): doctor says what is missing"""
    supported_until: str | None = None
    """the day (YYYY-MM-DD) from which the vendor may stop offering it; None when none was announced"""
