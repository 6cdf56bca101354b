"""Checks of a way to tell somebody: what it sends, and what it does where it cannot."""

from __future__ import annotations

import io
import logging
import re
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from persync.errors import PersyncError
from persync.hookspecs import Message, Notifier, Trial
from persync.testing.checks.check import NotTriedError, expect, listed
from persync.testing.sink import Sink, sinking

if TYPE_CHECKING:
    from persync.plugins import Host

SUBJECT: Final = "nightly: Zyqu subject 4711"
MESSAGE: Final = Message("nightly", "alert", SUBJECT, "It does not hold.", text=f"{SUBJECT}\nIt does not hold.", made_at=1)
ADDRESS: Final = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
SHORTEST_S: Final = 0.2
"""what a time limit of the notifier's own is cut to: nobody waits for it here"""
PATIENCE_S: Final = 5.0
"""after this without an end it is taken to wait for ever"""


@dataclass
class Told:
    """What came of one message: what stands in the sink and in the folder, what was raised, and all that was let slip."""

    sent: str = ""
    raised: BaseException | None = None
    heard: str = ""
    calls: int = 0
    ended: bool = True
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotifierCheck:
    """`run(notifier)` as of a `Check`."""

    name: str
    claim: str
    run: Callable[[Notifier], str]

    def of(self, host: Host, name: str) -> str:
        """Run it for one of a host's notifiers."""
        return self.run(host.notifiers[name])


def says(one: Notifier) -> str:
    """Look at what it declares."""
    empty = [word for word in ("name", "summary") if not getattr(one, word).strip()]
    expect(not empty, f"it says nothing as its {listed(empty)}.")
    kind = one.settings_type
    expect(kind is None or (isinstance(kind, type) and issubclass(kind, BaseModel)), "settings_type is no pydantic model.")
    odd = [variable for variable in one.secrets.values() if not re.fullmatch(r"[A-Z][A-Z0-9_]*", variable)]
    expect(not odd, f"{listed(odd)} cannot be the name of a variable of the environment.")
    if kind is not None and one.trial is not None:
        with tempfile.TemporaryDirectory(prefix="persync-") as folder:
            made = kind.model_validate(_trial(one, Path(folder), f"{one.sink}://127.0.0.1:9").settings)
        unknown = [word for word in _wanted(one, made) if word not in one.secrets]
        expect(not unknown, f"its settings want {listed(unknown)}, which is not among its secrets.")
    return one.summary


def refuses_words(one: Notifier) -> str:
    """Write a word into its settings that it cannot know."""
    kind = one.settings_type
    if kind is None:
        return "no settings"
    try:
        kind.model_validate({"no_such_setting": 1})
    except ValidationError as error:
        found = any(part["loc"][:1] == ("no_such_setting",) for part in error.errors())
        expect(found, "a misspelt setting is taken without a word: forbid what the model does not know (extra='forbid').")
        return "refused"
    raise AssertionError("a misspelt setting is taken without a word: forbid what the model does not know (extra='forbid').")


def tells(one: Notifier) -> str:
    """Send a message into a folder and to a sink on loopback: its subject arrives."""
    told = _told(one, "take")
    expect(told.raised is None, f"a message that could be sent ends with {type(told.raised).__name__}: {told.raised}")
    expect(SUBJECT in told.sent, "the subject of a message is not in what was sent.")
    return "to the sink" if told.calls else "to the folder"


def keeps_quiet(one: Notifier) -> str:
    """Look for its secrets and for anybody's address in what it sends, prints, logs and raises."""
    wanted = {mood: _told(one, mood) for mood in ("take", "refuse", "gone")}
    for mood, told in wanted.items():
        slipped = [word for word, value in told.secrets.items() if value in told.heard]
        expect(not slipped, f"its {listed(slipped)} is printed, logged or in an error ({mood}).")
        expect(not ADDRESS.search(told.sent), "somebody's address is in what was sent.")
    return listed(one.secrets) or "no secrets"


def refusal(one: Notifier) -> str:
    """Refuse the message: the sink says 403 or 550, the folder is not there. Then take the sink away."""
    told = {mood: _told(one, mood).raised for mood in ("refuse", "gone")}
    for mood, raised in told.items():
        what = "was refused" if mood == "refuse" else "could not be delivered"
        expect(raised is not None, f"a message that {what} goes by without a word.")
        expect(
            isinstance(raised, PersyncError), f"a message that {what} ends with {type(raised).__name__}: raise PersyncError."
        )
        expect("\n" not in str(raised), f"what is said of a message that {what} has more than one line.")
    return str(told["refuse"])


def waits(one: Notifier) -> str:
    """Let the sink say nothing: the notifier gives up by itself."""
    told = _told(one, "silent")
    if not told.calls:
        raise NotTriedError("it calls nobody")
    expect(told.ended, "it waits for ever for a server that says nothing: give every call a time limit.")
    expect(isinstance(told.raised, PersyncError), f"a server that says nothing ends with {type(told.raised).__name__}.")
    return str(told.raised)


def _wanted(one: Notifier, settings: Any) -> list[str]:
    """Return the secrets that are used with such settings."""
    return list(one.secrets if one.wants is None else one.wants(settings))


def _trial(one: Notifier, folder: Path, url: str) -> Trial:
    """Return what a notifier is tried with, leading into the folder or to the URL. Raise NotTriedError when it has none."""
    if one.trial is None:
        raise NotTriedError("it has no trial: give Notifier.trial a function from (folder, url) to settings that lead there")
    given = one.trial(folder, url)
    return given if isinstance(given, Trial) else Trial(given)


def _told(one: Notifier, mood: Any) -> Told:
    """Send the message with the notifier's trial settings. Raise NotTriedError when it has none."""
    with tempfile.TemporaryDirectory(prefix="persync-") as folder, ExitStack() as served:
        sink = served.enter_context(sinking(one.sink))
        if mood == "gone":
            served.close()
        else:
            sink.mood = mood
        place = Path(folder) / "told"
        if mood in ("take", "silent"):
            place.mkdir()
        return _send(one, _trial(one, place, sink.url), place, sink)


def _send(one: Notifier, trial: Trial, place: Path, sink: Sink) -> Told:
    made = one.settings_type.model_validate(trial.settings) if one.settings_type is not None else None
    wanted = [word for word in _wanted(one, made) if word in one.secrets]
    told = Told(secrets={word: trial.secrets.get(word, f"zyq-{word}-hush-4711") for word in wanted})

    def send() -> None:
        try:
            one.send(made, told.secrets, MESSAGE)
        except BaseException as error:
            told.raised = error

    with _heard() as heard, _short_limits(sink.mood == "silent"):
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        thread.join(PATIENCE_S)
        told.ended = not thread.is_alive()
        sink.released.set()
        thread.join(PATIENCE_S)
    told.calls = len(sink.taken)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    told.sent = "\n".join((*sink.taken, *(path.read_text("utf-8", "replace") for path in files)))
    raised = "" if told.raised is None else f"{told.raised!r} {told.raised}"
    told.heard = f"{heard.getvalue()}\n{raised}"
    return told


@contextmanager
def _heard() -> Iterator[io.StringIO]:
    heard = io.StringIO()
    handler, root = logging.StreamHandler(heard), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(heard), redirect_stderr(heard):
            yield heard
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@contextmanager
def _short_limits(wanted: bool) -> Iterator[None]:
    """While the block runs, cut every time limit of a socket short; one without a limit has none still."""
    own = socket.socket.settimeout

    def short(self: socket.socket, seconds: float | None) -> None:
        own(self, seconds if seconds is None else min(seconds, SHORTEST_S))

    if wanted:
        socket.socket.settimeout = short  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        socket.socket.settimeout = own  # type: ignore[method-assign]


NOTIFIER: Final = (
    NotifierCheck("says", "its name, its settings and its secrets are told", says),
    NotifierCheck("settings", "a setting that it does not know is refused", refuses_words),
    NotifierCheck("tells", "a message arrives", tells),
    NotifierCheck("quiet", "no secret is let slip, and nobody's address is sent", keeps_quiet),
    NotifierCheck("refusal", "what cannot be told is said, in one line", refusal),
    NotifierCheck("time limit", "a server that says nothing is not waited for without an end", waits),
)
