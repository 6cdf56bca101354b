"""How the answers of `persync export` are made: rows, however many, never all in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

from persync.jobs.answers.exported import SUMS, refuse_split, rows_of, sums_of
from persync.jobs.metric import estimates_json
from persync.plugins import titles_of
from persync.serve.api.making import computed, estimated
from persync.serve.api.params import Asked, words
from persync.serve.diary import reading, store_of

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.serve.site import Site

CHUNK: Final = 1 << 18


def export(site: Site, asked: Asked) -> str | Iterator[bytes]:
    """Return a metric's numbers, or the rows of a table or view as they are written."""
    name = asked.path["name"]
    if name in site.host.metrics:
        return estimated(site, asked, name)
    from persync.export.formats import write

    # Written whole before the first byte goes out: an error is an answer of its own, and a slow reader holds no store open.
    whole = tempfile.TemporaryFile()  # noqa: SIM115  handed on to who sends it
    try:
        with reading(site.project.store_path) as db:
            sheet = rows_of(db, site.project, name, asked.period, titles_of(site.host.metrics))
            refuse_split(words("by", asked), asked["arm"])
            write(sheet, "json", whole)
    except BaseException:
        whole.close()
        raise
    return _chunks(whole)


def _chunks(whole: BinaryIO) -> Iterator[bytes]:
    with whole:
        whole.seek(0)
        while chunk := whole.read(CHUNK):
            yield chunk


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
