"""The script that draws figures: Vega, as it lies in vl-convert, the same release that draws the report's pictures.

Making it takes seconds and 100 MB, so a process of its own does it while the first page is read.
"""

from __future__ import annotations

import subprocess
import sys
from tempfile import TemporaryFile
from threading import Lock
from typing import IO

from persync.errors import PersyncError


class Library:
    """The script's text, made once by a child process that is begun beforehand."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._file: IO[bytes] | None = None
        self._text = b""

    def begin(self) -> None:
        """Begin to make it."""
        with self._lock:
            if self._child is None and not self._text:
                command = [sys.executable, "-P", "-m", "persync.serve.library"]
                # A file takes it all at once: nobody may want it for long, and a pipe holds 64 kB.
                self._file = TemporaryFile()  # noqa: SIM115  text() or close() closes it
                self._child = subprocess.Popen(command, stdout=self._file, stderr=subprocess.DEVNULL)

    def text(self) -> bytes:
        """Return the script. Raise PersyncError when it cannot be made: the figures are then pictures."""
        self.begin()
        with self._lock:
            if self._child is not None and self._file is not None:
                failed, self._child = self._child.wait() != 0, None
                with self._file as file:
                    file.seek(0)
                    self._text = b"" if failed else file.read()
            if not self._text:
                raise PersyncError("the script that draws figures cannot be made.")
            return self._text

    def close(self) -> None:
        """End the child, if it is still at it."""
        with self._lock:
            child, self._child = self._child, None
            if child is not None:
                child.kill()
                child.wait()
            if self._file is not None:
                self._file.close()


def main() -> None:
    """Write the script to stdout."""
    import vl_convert

    snippet = "window.persyncEmbed = vegaEmbed;\n"
    sys.stdout.buffer.write(vl_convert.javascript_bundle(snippet).encode())


if __name__ == "__main__":
    main()
