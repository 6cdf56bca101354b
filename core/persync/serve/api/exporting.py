"""How the answers of `persync export` are made: rows, however many, never all in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, Final

from persync.errors import PersyncError
from persync.jobs.answers.exported import SUMS, refuse_split, rows_of, sums_of
from persync.jobs.metric import estimates_json
from persync.plugins import titles_of
from persync.serve.api.making import computed, estimated
from persync.serve.api.params import Asked, words
from persync.serve.diary import reading, store_of

if TYPE_CHECKING:
    from pathlib import Path

    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.serve.site import Site

CHUNK: Final = 1 << 18


def export(site: Site, asked: Asked) -> str | Pieces:
    """Return a metric's numbers, or the rows of a table or view as they are written."""
    name = asked.path["name"]
    if name in site.host.metrics:
        return estimated(site, asked, name)
    from persync.export.formats import write

    # Written whole before the first byte goes out: an error is an answer of its own, and a slow reader holds no store open.
    try:
        with ExitStack() as stack:
            whole = stack.enter_context(_nameless(site.project.store_path.parent))
            with reading(site.project.store_path) as db:
                sheet = rows_of(db, site.project, name, asked.period, titles_of(site.host.metrics))
                refuse_split(words("by", asked), asked["arm"])
                write(sheet, "json", whole)
            stack.pop_all()  # who sends it closes it
    except OSError as error:
        what = f"the rows cannot be put together: {error.strerror}."
        raise PersyncError(what, hint="Make room beside the store, or use `persync export` with --out.") from None
    return Pieces(whole)


def _nameless(folder: Path) -> BinaryIO:
    """Return a new file without a name: in a folder whose disk holds such rows already, or, where nothing may be written there,
    where the system has its own, which may be memory. Raises OSError where neither can be."""
    try:
        return tempfile.TemporaryFile(dir=folder)
    except OSError:
        return tempfile.TemporaryFile()


class Pieces:
    """What a file holds, piece by piece from its beginning. `close` gives the file back, however far it was read."""

    def __init__(self, whole: BinaryIO) -> None:
        self._whole = whole

    def __iter__(self) -> Iterator[bytes]:
        self._whole.seek(0)
        while chunk := self._whole.read(CHUNK):
            yield chunk

    def close(self) -> None:
        """Close the file, which removes it."""
        self._whole.close()


def sums(site: Site, asked: Asked) -> str:
    """Return the sums of mail and money as they may be given away, exact."""
    from persync.federate.export import Wish, store_id
    from persync.federate.export import export as given

    table = site.project.privacy
    wish = Wish(asked["only"] or SUMS, (), asked["by"], None, table.clip_events, table.clip_minor)
    with store_of(site) as store:
        name = store_id(store)

    def make(engine: Engine, ask: Ask) -> str:
        made = given(engine, name, ask, wish)
        asked.said.extend(f"Left out: {what}." for what in made.withheld)
        return estimates_json(sums_of(made, site.project.store_path, ask), ask)

    return computed(site, asked, "sums", make)
