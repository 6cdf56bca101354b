"""What the interpreter prints by itself: the kind and place of a fault, never its words."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any


def hold_tracebacks() -> None:
    """Keep the interpreter from printing tracebacks of its own: an error's words may quote data, a line of it a secret."""

    def at_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        print(f"persync: a fault in persync: {kind.__name__}{place(trace)}.", file=sys.stderr)

    def in_a_thread(args: Any) -> None:
        if args.exc_type is not SystemExit:
            print(f"persync: a fault in a thread: {args.exc_type.__name__}{place(args.exc_traceback)}.", file=sys.stderr)

    def ignored(args: Any) -> None:
        print(f"persync: a fault while cleaning up: {args.exc_type.__name__}{place(args.exc_traceback)}.", file=sys.stderr)

    sys.excepthook, threading.excepthook, sys.unraisablehook = at_the_end, in_a_thread, ignored


def place(trace: TracebackType | None) -> str:
    """Return " at file:line" of where it was raised."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
