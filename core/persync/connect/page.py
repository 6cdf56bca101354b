"""From a page's bytes to rows: validate, shape, and set aside what does not fit.

The whole page is validated in one go straight from its bytes; only when that fails are its records looked at one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, repeat
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect.bodies import as_json
from persync.connect.drift import unread
from persync.connect.readers import unexpected
from persync.connect.stream import Context, Step, Stream
from persync.errors import RecordError
from persync.redact import names_somebody, redacted
from persync.rows import CampaignRef, Row
from persync.store.months import END_AT, FIRST_AT
from persync.store.versions import version_numbers

_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_FIELD = re.compile(r"(?!.*\d{6})[A-Za-z_$][\w$-]{0,79}|\d{1,5}", re.ASCII)
_SHAPE_LIMIT = 20_000
_TRIPS = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)
"""what a row function raises at a record that it did not foresee"""
_LOOKED_AT = 50
"""records of a page that are searched for fields nobody reads"""


@dataclass(slots=True)
class Reject:
    """A record that does not fit: where it is, which field failed and why, and its shape without its words."""

    record: str
    field: str
    reason: str
    shape: str


@dataclass(slots=True)
class Shaped:
    """A page's rows. `versions` holds (record, version) of those with one."""

    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    versions: list[tuple[int, int]] = field(default_factory=list)
    records: int = 0
    unchanged: int = 0


# The functional form of TypedDict is the point: these names are known only at run time.
_make: Any = TypedDict


def _nested(at: tuple[str, ...], leaf: Any) -> Any:
    for name in reversed(at):
        leaf = _make("Envelope", {name: leaf})
    return leaf


def _list_of(kind: Any) -> Any:
    return list[kind]


# Made when the first page of a kind is read and kept for the process: each takes milliseconds, a pull has a hundred.
@lru_cache(maxsize=512)
def _record_adapter(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)


@lru_cache(maxsize=512)
def _page_adapter(record: Any, at: tuple[str, ...], single: bool) -> TypeAdapter[Any]:
    return TypeAdapter(_nested(at, record if single else _list_of(record)))


@lru_cache(maxsize=512)
def _raw_adapter(at: tuple[str, ...], single: bool) -> TypeAdapter[Any]:
    return TypeAdapter(_nested(at, Any if single else list[Any]))


class Shaper:
    """Shapes the pages of one stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def shape(
        self,
        step: Step,
        context: Context,
        *,
        numbers: Callable[[str, list[str]], Sequence[int]],
        hashed: Callable[[str], str],
        known: Callable[[list[int]], Mapping[int, int]] | None,
        erased: Callable[[str], bool] = lambda key: False,
        careful: bool = False,
    ) -> Shaped:
        """Shape one page.

        `numbers` are the store's keyed 64-bit numbers of records with a common beginning, `hashed` is its keyed name; `known`
        looks up the versions last written of records, None to look at none (a full pass, or the first one). `erased` tells
        whether a person's key is that of an erased one, of whom no reject is kept. `careful`: records with a number
        that no column can hold are rejected, which takes a look at every value. Raises ResponseError when the page itself is
        not what was expected.
        """
        shaped = Shaped()
        skip: set[int] = set()
        marks: list[tuple[int, int] | None] = []
        if self.stream.version and known is not None:
            # A cheap look at ids and versions first: what did not change is neither validated nor shaped.
            marks = self._marks(self._peeked(step), context, numbers)
            shaped.records = len(marks)
            if marks:
                same = set(known([mark[0] for mark in marks if mark is not None]).items())
                skip = {i for i, mark in enumerate(marks) if mark in same}
                shaped.unchanged = len(skip)
                if len(skip) == len(marks):
                    return shaped
        try:
            found = _dig(_page_adapter(self.stream.record, step.at, step.single).validate_json(step.body), step)
            checked = True
        except ValidationError:
            found = self._raw_records(step)
            checked = False
        shaped.records = len(found)
        if self.stream.version and known is None:
            marks = self._marks(found, context, numbers)
        function = storable(self.stream.rows) if careful else self.stream.rows
        left = [(i, record) for i, record in enumerate(found) if i not in skip]
        if checked and not careful:
            # All in one go; should anything not fit, it is looked for one by one.
            with suppress(RecordError, *_TRIPS):
                records = (record for _, record in left)
                shaped.rows = list(chain.from_iterable(map(function, records, repeat(context))))
                left = []
        rows = shaped.rows
        for i, record in left:
            begun = len(rows)
            try:
                if not checked:
                    # Through its JSON again: what a record is must not depend on the company it comes in. NaN stays NaN.
                    record = _record_adapter(self.stream.record).validate_json(json.dumps(record))
                rows.extend(function(record, context))
                continue
            except ValidationError as error:
                problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
                where, why = ".".join(str(part) for part in problem["loc"]), problem["msg"]
            except RecordError as error:
                where, why = error.field, error.what
            except _TRIPS as error:
                # A row function that trips over a record it did not foresee: the record waits, the page goes on.
                where, why = "", f"{type(error).__name__} while shaping"
            # Of a record that fails half way no row is kept.
            del rows[begun:]
            shaped.rejects += self._rejects(self._raw_records(step)[i], where, why, hashed, erased)
            if marks:
                marks[i] = None
        shaped.versions = [mark for i, mark in enumerate(marks) if mark is not None and i not in skip]
        return shaped

    def unread(self, step: Step) -> set[str]:
        """Return the names of the new fields on a page, from its first records: neither read nor known to be of no use."""
        found = unread(self.stream.record, self._raw_records(step)[:_LOOKED_AT])
        return found.difference(self.stream.unused, (self.stream.key, self.stream.version))

    def _marks(
        self, records: list[Any], context: Context, numbers: Callable[[str, list[str]], Sequence[int]]
    ) -> list[tuple[int, int] | None]:
        """Return (record, version) as keyed numbers for each record, None where one has no key or version."""
        # Newly opted-in attributes make every record worth another look.
        shape = f"{self.stream.shape}\0{sorted(getattr(context.settings, 'attributes', {}).items())}"
        keys, versions = _column(records, self.stream.key), _column(records, self.stream.version or "")
        marks: list[tuple[int, int] | None] = list(
            zip(
                numbers(f"record\0{context.connection}\0{self.stream.name}\0{context.partition}\0", list(map(str, keys))),
                version_numbers(numbers(f"version\0{shape}\0", [""])[0], map(str, versions)),
                strict=True,
            )
        )
        if None not in keys and None not in versions:
            return marks
        return [
            None if key is None or version is None else mark for key, version, mark in zip(keys, versions, marks, strict=True)
        ]

    def _peeked(self, step: Step) -> list[Any]:
        try:
            page = _peeker(step.at, step.single, (self.stream.key, self.stream.version or "")).validate_json(step.body)
        except ValidationError:
            return self._raw_records(step)
        return _dig(page, step)

    def _raw_records(self, step: Step) -> list[Any]:
        try:
            return _dig(_raw_adapter(step.at, step.single).validate_json(step.body), step)
        except ValidationError as error:
            raise unexpected(error) from None

    def _rejects(
        self, record: Any, where: str, reason: str, hashed: Callable[[str], str], erased: Callable[[str], bool]
    ) -> list[Reject]:
        """Return what is kept of a record that does not fit: one reject, none when it is about an erased person."""
        key = _at(record, self.stream.key)
        name = "" if key is None else str(key)[:200]
        if name and self.stream.personal_key and erased(name):
            return []
        if name and (self.stream.personal_key or not _is_plain(name)):
            name = hashed(name)
        if not name:
            name = "record " + hashed(as_json(record).decode())[:16]
        safe = {*self.stream.safe, *(() if self.stream.personal_key else (self.stream.key,))}
        text = as_json(_shape(record, "", safe)).decode()
        field = ".".join(_field(part) for part in where.split("."))
        return [Reject(name, field[:200], redacted(reason)[:300], text[:_SHAPE_LIMIT])]


def storable(function: Callable[..., Iterable[Row]]) -> Callable[..., Iterator[Row]]:
    """Return a row function that raises RecordError at what no column holds: a number beyond 64 bits, a campaign without an
    id."""

    def checked(*given: Any) -> Iterator[Row]:
        for row in function(*given):
            for name, value in zip(row._fields, row, strict=True):
                if isinstance(value, int) and not -(2**63) <= value < 2**63:
                    raise RecordError("a number is too large to be stored.", field=name)
                if name.endswith("_at") and isinstance(value, int) and not FIRST_AT <= value < END_AT:
                    raise RecordError("a time is outside the years 1 to 9999.", field=name)
                if isinstance(value, CampaignRef) and not value:
                    raise RecordError("its id is empty.", field=name)
                if isinstance(value, Mapping):
                    try:
                        orjson.dumps(value)
                    except TypeError:
                        raise RecordError("a number is too large to be stored.", field=name) from None
            yield row

    return checked


@lru_cache(maxsize=512)
def _peeker(at: tuple[str, ...], single: bool, paths: tuple[str, ...]) -> TypeAdapter[Any]:
    """Return the adapter that reads only the given dotted paths of each record."""
    tree: dict[str, Any] = {}
    for path in paths:
        node = tree
        *parents, leaf = path.split(".")
        for part in parents:
            node = node.setdefault(part, {})
        node[leaf] = None

    def build(node: dict[str, Any]) -> Any:
        return _make("Peek", {name: (Any if child is None else build(child)) for name, child in node.items()}, total=False)

    record = build(tree)
    return TypeAdapter(_nested(at, record if single else _list_of(record)))


def _dig(page: Any, step: Step) -> list[Any]:
    for name in step.at:
        page = page[name]
    return [page] if step.single else list(page)


def _column(records: list[Any], path: str) -> list[Any]:
    """Return what stands at a dotted path of each record, None where it is absent."""
    if "." not in path:
        with suppress(AttributeError):  # a record that is no object
            return [record.get(path) for record in records]
    return [_at(record, path) for record in records]


def _at(record: Any, path: str) -> Any:
    for part in path.split("."):
        record = record.get(part) if isinstance(record, dict) else None
    return record


def _shape(value: Any, path: str, safe: set[str]) -> Any:
    """Return a record with every string and number replaced by its type and length, but for dates and safe fields.

    What is safe is so by what the vendor promises: a value there that is no plain word or id is replaced all the same, and so
    is a field's name that no schema would give.
    """
    if isinstance(value, dict):
        return {_field(str(name)): _shape(item, f"{path}.{name}" if path else str(name), safe) for name, item in value.items()}
    if isinstance(value, list):
        return [_shape(item, path, safe) for item in value[:20]]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if _ISO.fullmatch(value) or (path in safe and _is_plain(value)) else f"str({len(value)})"
    return value if path in safe else type(value).__name__


def _is_plain(text: str) -> bool:
    """Tell whether a text is a word or an id, and names nobody by its form."""
    return len(text) <= 200 and not any(map(str.isspace, text)) and not names_somebody(text)


def _field(name: str) -> str:
    """Return the name of a field, "?" for what looks like a value in the place of one."""
    return name if _FIELD.fullmatch(name) and not names_somebody(name) else "?"
