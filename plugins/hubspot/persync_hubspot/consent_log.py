"""The log of consent changes: who agreed or withdrew, when, for which type of subscription.

HubSpot gives it in the v1 API alone, which is unsupported from September 2027. As with e-mail events, what stands behind
this page knows a `LogEntry` only, and where they come from is a `ConsentLogSource`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from persync.connect.stream import DAY_MS, Context, Incremental, Reader, Stream
from persync.rows import ConsentChange, Person, Row
from persync_hubspot import api, api_mail, records_mail
from persync_hubspot.consent_readers import LogPages
from persync_hubspot.source import Source
from persync_hubspot.unused import CONSENT_CHANGE

STATES: Mapping[str, str] = {"SUBSCRIBED": "subscribed", "UNSUBSCRIBED": "unsubscribed"}
"""Bounces and complaints stand in the log too; the e-mail events tell of them better."""


class LogEntry(NamedTuple):
    """One change, whoever told of it. `subscription` is None when it holds for all types."""

    recipient: str
    state: str
    changed_at: int
    subscription: str | None = None


class ConsentLogSource(Source, Protocol):
    """Where consent changes come from, and how a record becomes changes."""

    def changes(self, record: Any) -> Iterator[LogEntry]:
        """Yield the changes of one record."""
        ...


def consent_log_stream(source: ConsentLogSource) -> Stream:
    """Return the stream that reads the log of consent changes from a source.

    Each change is a dated stage of the person: the log has every state there ever was, while a `Consent` is a snapshot of
    the present one and would start anew whenever an old entry is read again.
    """

    def change_rows(record: Any, at: Context) -> Iterator[Row]:
        for change in source.changes(record):
            channel = "email" if change.subscription is None else f"email/{change.subscription}"
            yield ConsentChange(Person(("email", change.recipient)), channel, change.state, change.changed_at)

    return Stream(
        name="consent_changes",
        path=source.path,
        record=source.record,
        rows=change_rows,
        reader=source.reader,
        # As with events, late entries come in after a day or two.
        window=Incremental(overlap=3 * DAY_MS),
        key="recipient",
        personal_key=True,
        scopes=source.scopes,
        supported_until=source.supported_until,
        facts=("consent changes",),
        unused=source.unused,
    )


_PAGES = LogPages(at="timeline")


@dataclass(frozen=True, slots=True)
class V1ConsentLog:
    """The v1 subscription timeline."""

    path: str = api_mail.CONSENT_LOG_V1
    record: Any = records_mail.LogEntry
    reader: Reader = _PAGES
    scopes: tuple[str, ...] = ("content",)
    supported_until: str | None = api.V1_SUPPORTED_UNTIL
    unused: tuple[str, ...] = CONSENT_CHANGE

    def changes(self, record: Any) -> Iterator[LogEntry]:
        """Yield what an entry says was agreed to or withdrawn; nothing for changes of another kind."""
        entry: records_mail.LogEntry = record
        for change in entry.get("changes") or ():
            state = STATES.get(change.get("change") or "")
            subscription = change.get("subscriptionId")
            if state is None or (subscription is None and change.get("changeType") == "SUBSCRIPTION_STATUS"):
                continue
            yield LogEntry(entry["recipient"], state, entry["timestamp"], None if subscription is None else str(subscription))
