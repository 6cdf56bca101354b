"""The script that draws figures: Vega, as it lies in vl-convert, the same release that draws the report's pictures.

Making it takes seconds and 100 MB, so a process of its own does it while the first page is read.
"""

from __future__ import annotations

import subprocess
import sys
from threading import Lock

from persync.errors import PersyncError


class Library:
    """The script's text, made once by a child process that is begun beforehand."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._text = b""

    def begin(self) -> None:
        """Begin to make it."""
        with self._lock:
            if self._child is None and not self._text:
                command = [sys.executable, "-P", "-m", "persync.serve.library"]
                self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def text(self) -> bytes:
        """Return the script. Raise PersyncError when it cannot be made: the figures are then pictures."""
        self.begin()
        with self._lock:
            if not self._text and self._child is not None:
                made, _ = self._child.communicate()
                failed, self._child = self._child.returncode != 0, None
                if failed:
                    raise PersyncError("the script that draws figures cannot be made.")
                self._text = made
            return self._text

    def close(self) -> None:
        """End the child, if it is still at it."""
        with self._lock:
            child, self._child = self._child, None
            if child is not None:
                child.kill()
                child.communicate()


def main() -> None:
    """Write the script to stdout."""
    import vl_convert

    snippet = "window.persyncEmbed = vegaEmbed;\n"
    sys.stdout.buffer.write(vl_convert.javascript_bundle(snippet).encode())


if __name__ == "__main__":
    main()
