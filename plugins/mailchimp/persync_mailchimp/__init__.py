"""Mailchimp for persync: the connector and a sandbox that imitates the Marketing API 3.0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from persync import hookimpl

if TYPE_CHECKING:
    from persync.connect.connector import Connector
    from persync.hookspecs import Sandbox


@hookimpl
def persync_connectors() -> Iterator[type[Connector]]:
    """Yield the Mailchimp connector."""
    from persync_mailchimp.connector import Mailchimp

    yield Mailchimp


@hookimpl
def persync_sandboxes() -> Iterator[Sandbox]:
    """Yield the imitated Marketing API."""
    from persync_mailchimp.sandbox import SANDBOX

    yield SANDBOX
