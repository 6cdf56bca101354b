"""Sending what is to be told: not in quiet hours, not twice, and what could not be sent at the next run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from persync.errors import EXIT_PARTIAL, RAISED, AuthError, PartlySentError, PersyncError, PluginError
from persync.hookspecs import Message
from persync.jobs.notify.waiting import MOST_HELD, Held
from persync.jobs.state import State, state_path, write_state
from persync.jobs.windows import local
from persync.redact import register

if TYPE_CHECKING:
    from persync.jobs.running import Outcome, Run
    from persync.plugins import Host
    from persync.settings import Channel, Project


def deliver(host: Host, project: Project, channel: Channel, message: Message) -> None:
    """Send one message through one channel. Raises PersyncError naming the channel when that fails."""
    from persync import secrets
    from persync.connect.outgoing import ADDRESS

    where = f"notify.{channel.name}"
    values: dict[str, str] = {}
    try:
        found = {word: secrets.find(word, env, project.folder) for word, env in channel.secret_names.items()}
        values = {word: one.value for word, one in found.items() if one is not None}
        register(*values.values())
        host.notifiers[channel.via].send(channel.settings, values, message)
    except PersyncError as error:
        missing = [env for word, env in channel.secret_names.items() if word not in values]
        if isinstance(error, AuthError) and missing:
            error.hint = f"{' and '.join(missing)} is not set: put it into the environment or {secrets.FILE}."
        if error.hint == ADDRESS:
            error.hint = f"Check the network, and the address in {' and '.join(channel.secret_names.values())}."
        raise error.at(where) from None
    except RAISED as error:  # a stranger's notifier; its message may quote a secret
        what = f"the notifier '{channel.via}' failed: {type(error).__name__}."
        raise PluginError(what, where=where, hint="Update its plugin.") from None


class Sender:
    """Sends a run's messages, and those that wait from earlier runs; what is sent is remembered at once.

    Whatever is to be told waits in the state before it is sent: a run that is killed in between tells it at the next.
    """

    def __init__(self, run: Run, state: State, done: Outcome) -> None:
        self._run = run
        self._state = state
        self._done = done
        self._path = state_path(run.project, run.name)
        self._tried: list[Held] = []

    def waiting(self) -> None:
        """Send what waits from earlier runs, where it is not quiet."""
        self._send_all(earlier=True)

    def tell(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Send a run's messages, (channel, message) each, and keep the state.

        A channel that was told the same on the same day is not told again.
        """
        day = local(self._run.now, self._run.project.timezone).date().isoformat()
        self._send_all(earlier=True)  # quiet hours may have ended since the run began
        for name, message in messages:
            mark = fingerprint(day, message)
            if self._state.sent.get(name) != mark:
                self._state.sent[name] = mark
                self._state.held.append(Held(name, message, self._run.now))
        self._keep_few()
        self._save()
        self._send_all(earlier=False)

    def _send_all(self, *, earlier: bool) -> None:
        due = [one for one in self._state.held if (one.since < self._run.now) == earlier and one not in self._tried]
        for one in due:
            self._send(one)

    def _send(self, held: Held) -> None:
        """Send one message, or leave it where it is: in its channel's quiet hours, and when it cannot be sent."""
        run = self._run
        told = f"notify {held.channel}"
        since = f", held since {local(held.since, run.project.timezone):%Y-%m-%d %H:%M}" if held.since < run.now else ""
        channel = run.project.channels.get(held.channel)
        clock = local(run.moment, run.project.timezone)
        if channel is not None and channel.is_quiet(clock.hour * 60 + clock.minute):
            until = f"{channel.quiet_until} ({run.project.timezone})"
            run.say(f"{told}: held until its quiet hours end at {until}; the next run sends it")
            return
        self._tried.append(held)
        try:
            if channel is not None:
                deliver(run.host, run.project, channel, held.message)
            elif held.channel in run.project.broken_channels:
                raise run.project.broken_channels[held.channel]
        except PersyncError as error:
            held.tries += 1
            if isinstance(error, PartlySentError):
                held.message = replace(held.message, only=error.left)
            self._fail(f"{told} failed: {error}")
            if held.is_given_up(run.moment):
                self._drop(held, f"{told}: given up after {held.tries} tries: {held.message.subject}")
        else:
            self._state.held.remove(held)
            gone = f"taken out of persync.toml: a message of {local(held.since, run.project.timezone):%Y-%m-%d} is not sent"
            run.say(f"{told}: {gone if channel is None else held.message.status + since}")
        self._save()

    def _keep_few(self) -> None:
        """Give up the oldest of too many messages, which no run could send."""
        for held in self._state.held[:-MOST_HELD]:
            self._drop(held, f"notify {held.channel}: given up, for {MOST_HELD} later messages wait: {held.message.subject}")

    def _drop(self, held: Held, line: str) -> None:
        self._state.held.remove(held)
        self._fail(line)

    def _fail(self, line: str) -> None:
        self._run.say(line)
        self._done.notes.append(line)
        self._done.codes.append(EXIT_PARTIAL)

    def _save(self) -> None:
        try:
            write_state(self._path, self._state)
        except PersyncError as error:
            self._done.fail(error, self._run.say)


def fingerprint(day: str, message: Message) -> str:
    """Return what makes two messages the same news: the day, how it stands, and what is said in words."""
    parts = [day, message.job, message.status, message.verdict, list(message.lines)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
