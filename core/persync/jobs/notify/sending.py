"""Sending what is to be told: not in quiet hours, not twice, and what could not be sent at the next run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.errors import EXIT_PARTIAL, PersyncError, PluginError
from persync.estimate import Estimate
from persync.hookspecs import Message, Number
from persync.jobs.windows import local
from persync.redact import register

if TYPE_CHECKING:
    from persync.jobs.state import State
    from persync.plugins import Host
    from persync.settings import Channel, Project


def deliver(host: Host, project: Project, channel: Channel, message: Message) -> None:
    """Send one message through one channel. Raises PersyncError naming the channel when that fails."""
    from persync import secrets

    where = f"notify.{channel.name}"
    try:
        found = {word: secrets.find(word, env, project.folder) for word, env in channel.secret_names.items()}
        values = {word: one.value for word, one in found.items() if one is not None}
        register(*values.values())
        host.notifiers[channel.via].send(channel.settings, values, message)
    except PersyncError as error:
        raise error.at(where) from None
    except Exception as error:  # a stranger's notifier; its message may quote a secret
        what = f"the notifier '{channel.via}' failed: {type(error).__name__}."
        raise PluginError(what, where=where, hint="Update its plugin.") from None


def send_all(
    host: Host,
    project: Project,
    state: State,
    messages: Sequence[tuple[str, Message]],
    *,
    now: int,
    say: Callable[[str], object],
) -> Iterator[int]:
    """Send what waits from earlier runs and what is new; yield 3 for each that could not be sent, which then waits on.

    A channel that was told the same on the same day is not told again; in its quiet hours nothing is sent.
    """
    clock = local(now, project.timezone)
    waiting = [(one["channel"], restored(one["message"])) for one in state.held]
    state.held = []
    fresh = []
    for name, message in messages:
        mark = fingerprint(clock.date().isoformat(), message)
        if state.sent.get(name) != mark:
            state.sent[name] = mark
            fresh.append((name, message))
    for name, message in [*waiting, *fresh]:
        channel = project.channels.get(name)
        if channel is None:
            continue  # taken out of the settings meanwhile
        if channel.is_quiet(clock.hour * 60 + clock.minute):
            state.held.append({"channel": name, "message": kept(message)})
            say(f"notify {name}: waits for the end of its quiet hours")
            continue
        try:
            deliver(host, project, channel, message)
        except PersyncError as error:
            state.held.append({"channel": name, "message": kept(message)})
            say(f"notify {name} failed: {error}")
            yield EXIT_PARTIAL
        else:
            say(f"notify {name}: {message.status}")


def fingerprint(day: str, message: Message) -> str:
    """Return what makes two messages the same news: the day, how it stands, and what is said in words."""
    parts = [day, message.job, message.status, message.verdict, list(message.lines)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def kept(message: Message) -> dict[str, Any]:
    """Return a message as JSON keeps it."""
    return {**asdict(message), "attachments": [str(path) for path in message.attachments]}


def restored(given: Mapping[str, Any]) -> Message:
    """Return the message that was kept."""
    numbers = tuple(
        Number(**{**one, "estimate": None if one["estimate"] is None else _estimate(one["estimate"])})
        for one in given["numbers"]
    )
    files = tuple(Path(path) for path in given["attachments"])
    return Message(**{**given, "numbers": numbers, "lines": tuple(given["lines"]), "attachments": files})


def _estimate(given: Mapping[str, Any]) -> Estimate:
    period = given["period"]
    return Estimate(**{**given, "by": dict(given["by"]), "period": None if period is None else (period[0], period[1])})
