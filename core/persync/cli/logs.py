"""The one way out for log records: to stderr, redacted, whichever library wrote them."""

from __future__ import annotations

import logging
import sys

from persync.cli.tracebacks import place
from persync.redact import redacted

_TALKATIVE = ("persync", "httpx", "httpcore")
"""what says more in debug mode: each call and its answer, never a body"""


class _Redacting(logging.Handler):
    """Writes records to stderr as it is now, each without secrets, addresses and what a traceback quotes."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = f"persync: {record.name}: {record.getMessage().rstrip()}"
            if record.exc_info and record.exc_info[0] is not None:
                text += f" ({record.exc_info[0].__name__}{place(record.exc_info[2])})"
            print(redacted(text), file=sys.stderr)
        except Exception as error:
            print(f"persync: {record.name}: a message that cannot be written ({type(error).__name__})", file=sys.stderr)


def start(*, debug: bool = False) -> None:
    """Send every log record and warning of the process through one redacting handler. Again it only changes the level."""
    root = logging.getLogger()
    if not any(isinstance(handler, _Redacting) for handler in root.handlers):
        root.addHandler(_Redacting())
        logging.captureWarnings(True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.DEBUG if debug else logging.WARNING)
