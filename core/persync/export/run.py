"""Writing an export where it was asked for: a file for its owner alone, or standard output."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from persync.errors import PersyncError
from persync.export.formats import BINARY
from persync.store import private

if TYPE_CHECKING:
    from collections.abc import Iterator

STDOUT = Path("-")


def written(make: Callable[[BinaryIO], int], out: Path | None, form: str, stdout: BinaryIO) -> int:
    """Have rows written to a file, whole or not at all, or to `stdout`; return how many. Raise PersyncError for a place that
    cannot be written."""
    if out is None or out == STDOUT:
        with _seekable(stdout) if form in BINARY else _as_it_is(stdout) as sink:
            return make(sink)
    return written_file(make, out)


def written_file(make: Callable[[BinaryIO], int], out: Path) -> int:
    """Have rows written to a file as `write_text` writes a report; return how many. Raise PersyncError where that cannot be
    done."""
    try:
        out.parent.mkdir(private.FOLDER, parents=True, exist_ok=True)
        with private.replacing(out, keep_mode=True) as sink:
            return make(sink)
    except OSError as error:
        raise PersyncError(f"cannot write the file: {error.strerror}.", where=str(out), hint="Choose another place.") from None


@contextmanager
def _as_it_is(stdout: BinaryIO) -> Iterator[BinaryIO]:
    yield stdout
    stdout.flush()


@contextmanager
def _seekable(stdout: BinaryIO) -> Iterator[BinaryIO]:
    """Lend a file of which the whole is handed on at the end: what writes these formats goes back in them."""
    with tempfile.TemporaryFile() as whole:
        yield cast(BinaryIO, whole)
        whole.seek(0)
        shutil.copyfileobj(whole, stdout)
        stdout.flush()
