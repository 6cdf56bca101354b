"""What can go wrong, split by what to do next.

Every error says what happened, where (connection, stream, request id) and what to do. The command line turns a
`PersyncError` into one message and its `exit_code`; nothing else does. No message ever holds a token or an address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from persync.redact import inert, redacted

__all__ = [
    "AmbiguousError",
    "AuthError",
    "CheckFailedError",
    "ConfigError",
    "ConnectionLockedError",
    "DataError",
    "ImportFileError",
    "NotFoundError",
    "PartlySentError",
    "PersyncError",
    "PluginError",
    "QuotaError",
    "RecordError",
    "ResponseError",
    "SkipStreamError",
    "StoreError",
    "TransientError",
    "UnknownNameError",
    "UnreachableError",
    "nearest",
]

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_AUTH = 4
EXIT_QUOTA = 5
EXIT_CHECK = 6
EXIT_LOCKED = 7
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141
EXIT_TERMINATED = 143
LONGEST = 600
"""characters that a line of a message has at most: what it quotes may be of any length"""
RAISED = (Exception, SystemExit)
"""what the code of a stranger's plugin may end with that must not end persync's: all but being interrupted"""
SIGNALLED = 128
"""plus the number of the signal that ended a run, as shells count: 2 for Ctrl-C, 15 for SIGTERM"""


class PersyncError(Exception):
    """The root of the tree.

    `what` is one sentence of what happened, `where` names the place (connection, stream, request id, file:line),
    `hint` says what to do. `str()` joins the three on one line. Secrets, addresses, phone numbers and IPs in them are blanked,
    whoever wrote them: a vendor's own words may quote what they complain about. What is too long to read is cut in its middle.
    """

    exit_code = EXIT_ERROR
    line_ends = ""
    """"\\n" where `what` is a list, set in lines"""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what = _told(inert(what, keep=self.line_ends))
        super().__init__(self.what)
        self.where = _short(inert(where))
        self.hint = _told(inert(hint, keep="\n"))

    def at(self, where: str) -> PersyncError:
        """Return this error with a place put in front of the place it already names."""
        self.where = f"{where}, {self.where}" if self.where else where
        return self

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return redacted(f"{text} {self.hint}" if self.hint else text)

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows in place of the way through persync (IPython asks for it by this name): the line."""
        return [f"{type(self).__name__}: {self}"]


class ConfigError(PersyncError):
    """The settings cannot be used: a misspelt key, an unknown connector, a value of the wrong type."""

    exit_code = EXIT_USAGE


class UnknownNameError(ConfigError):
    """There is nothing of the `name` that was given."""

    def __init__(self, what: str, *, name: str, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.name = name


class PluginError(PersyncError):
    """A plugin is broken or clashes with another."""


class StoreError(PersyncError):
    """The store cannot be opened, read or written."""


class DataError(PersyncError):
    """There is nothing to compute from, or the data contradict each other."""


class NotFoundError(DataError):
    """The store holds nothing that is called so."""


class AmbiguousError(DataError):
    """Several things in the store are called so."""


class ImportFileError(PersyncError):
    """A file of the user's cannot be read; nothing of it was kept."""

    line_ends = "\n"


class CheckFailedError(PersyncError):
    """A check that the user asked for did not hold."""

    exit_code = EXIT_CHECK


class ConnectionLockedError(PersyncError):
    """Another run holds this connection."""

    exit_code = EXIT_LOCKED


class ResponseError(PersyncError):
    """A vendor answered with something that cannot be used, and asking again will not help."""

    is_missing = False
    """the thing that was asked about is not there: what hangs under another may have gone with it since that was listed"""


class AuthError(ResponseError):
    """The vendor does not accept the secret, or none was found."""

    exit_code = EXIT_AUTH


class QuotaError(ResponseError):
    """A daily quota is used up: stop now, go on later from the checkpoint."""

    exit_code = EXIT_QUOTA


class SkipStreamError(ResponseError):
    """This account cannot read this stream (scope, tier, role): count it as a hole in coverage and go on.

    `reason` is one of `scope`, `tier`, `role`, `gone`.
    """

    def __init__(self, what: str, *, reason: str, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.reason = reason


class PartlySentError(PersyncError):
    """A message reached some of those it was for, and not the others.

    `left` are marks of those who have not got it, as the notifier chooses them (none that names anybody: they are kept in a
    file). The message comes again at the next run, with `Message.only` set to them.
    """

    def __init__(self, what: str, *, left: tuple[str, ...], where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.left = left


class TransientError(PersyncError):
    """Asking again may help. `wait` is what the vendor asked for, in seconds, or None.

    `throttled` tells a rate limit from a fault; `shrink` asks the reader for a smaller page.
    """

    exit_code = EXIT_ERROR

    def __init__(
        self,
        what: str,
        *,
        wait: float | None = None,
        throttled: bool = False,
        shrink: bool = False,
        where: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.wait = wait
        self.throttled = throttled
        self.shrink = shrink
        if throttled:
            self.exit_code = EXIT_QUOTA


class UnreachableError(TransientError):
    """The host cannot be reached at all."""


class RecordError(PersyncError):
    """One record cannot be turned into rows; it becomes a reject, the page goes on.

    `field` is the dotted path of the field that failed.
    """

    def __init__(self, what: str, *, field: str = "", where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.field = field


def reason_of(error: BaseException) -> str:
    """Return what an error says on one line: persync's own words, of any other the type alone, for its words may quote data."""
    return str(error) if isinstance(error, PersyncError) else type(error).__name__


MANY = 40
"""a list of so many names is no help on one line"""


def nearest(wrong: str, valid: Iterable[str] | Mapping[str, str], see: str = "") -> str:
    """Return "Did you mean 'x'?" for the nearest valid names, or the list of valid ones.

    `valid` are names, or {name: title}: then the words of a title stand for the name too. `see` says where all of them are
    shown, for where there are too many for a line.
    """
    from persync.nearness import near

    titles = dict(valid) if isinstance(valid, Mapping) else dict.fromkeys(valid, "")
    close = near(wrong, titles) if len(wrong) <= LONGEST // 10 else []
    if close:
        told = {name: f" ({titles[name]})" if len(close) > 1 and titles[name] else "" for name in close}
        *others, last = (f"'{inert(name)}'{inert(title)}" for name, title in told.items())
        return f"Did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
    if see and len(titles) > MANY:
        return see
    return f"Valid: {inert(', '.join(sorted(titles)))}." if titles else ""


def raised_in(error: BaseException, package: str) -> str:
    """Return "file:line" of the last place on an error's way that lies in a package, "" where it did not come through it."""
    place, trace = "", error.__traceback__
    while trace is not None:
        if f"{trace.tb_frame.f_globals.get('__name__', '')}.".startswith(f"{package}."):
            place = f"{trace.tb_frame.f_code.co_filename.replace(chr(92), '/').rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _told(text: str) -> str:
    """Blank what must not be shown, in lines of which the middle is cut out when they are too long.

    A megabyte is not searched for addresses; nor is a secret cut in two where half of it would be shown.
    """
    return _short(redacted(_short(text, 8 * LONGEST)))


def _short(text: str, longest: int = LONGEST) -> str:
    """Cut the middle out of lines that are too long: how a sentence begins and how it ends says most."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return "\n".join(f"{one[:half]} ... {one[-half:]}" if len(one) > longest else one for one in text.split("\n"))
