"""The notifiers that persync brings along, through the same hook as anybody's."""

from __future__ import annotations

from collections.abc import Iterator

from persync import hookimpl
from persync.hookspecs import Notifier
from persync.jobs.notify import discord, mail, slack, teams, webhook


@hookimpl
def persync_notifiers() -> Iterator[Notifier]:
    """Yield e-mail, the three chats and any webhook."""
    yield mail.NOTIFIER
    yield slack.NOTIFIER
    yield teams.NOTIFIER
    yield discord.NOTIFIER
    yield webhook.NOTIFIER
