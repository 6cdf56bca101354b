"""From Vega-Lite to SVG text: in this process, or in one of its own that warms up while the figures are being computed.

The renderer takes the better part of a second to start and 100 MB; a child takes both off the report's way.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, Final, cast

Draw = Callable[[Mapping[str, Any], Mapping[str, Any]], str]
"""a spec and a config in, SVG text out; ValueError for a spec that cannot be drawn"""
_FIRST: Final = {"data": {"values": [{"x": 1}]}, "mark": "bar", "encoding": {"x": {"field": "x", "type": "quantitative"}}}


def draw(spec: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Draw in this process. Raise ValueError for a spec that is none."""
    import vl_convert

    return vl_convert.vegalite_to_svg(dict(spec), config=dict(config), allowed_base_urls=[])


class Painter:
    """Draws in a child process; one that cannot be started, or that dies, leaves the work to this one.

    Use it as a context: the child ends with it.
    """

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-m", "persync.report.painting"]
        try:
            self._child: subprocess.Popen[bytes] | None = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError:
            self._child = None

    def draw(self, spec: Mapping[str, Any], config: Mapping[str, Any]) -> str:
        """Draw in the child. Raise ValueError for a spec that is none."""
        if self._child is None:
            return draw(spec, config)
        sent, told = cast(IO[bytes], self._child.stdin), cast(IO[bytes], self._child.stdout)
        try:
            line = json.dumps([spec, config]).encode() + b"\n"
        except TypeError as error:
            raise ValueError(str(error)) from None
        try:
            sent.write(line)
            sent.flush()
            answer = json.loads(told.readline())
        except (OSError, ValueError):
            self._end()
            return draw(spec, config)
        if "svg" not in answer:
            raise ValueError(answer.get("error", ""))
        return str(answer["svg"])

    def __enter__(self) -> Painter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                # What was left to send to a child that is gone.
                with suppress(OSError):
                    pipe.close()
        child.kill()
        child.wait()


def main() -> None:
    """Draw what comes in, a line each way, until there is no more."""
    draw(_FIRST, {})
    for line in sys.stdin.buffer:
        spec, config = json.loads(line)
        try:
            answer = {"svg": draw(spec, config)}
        except ValueError as error:
            answer = {"error": str(error)}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(1)
