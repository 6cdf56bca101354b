"""Shopify for persync: orders with their ledger, customers with their consent, the visits before a sale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from persync import hookimpl

if TYPE_CHECKING:
    from persync.connect import Connector
    from persync.hookspecs import Sandbox


@hookimpl
def persync_connectors() -> Iterable[type[Connector]]:
    """Yield the connector."""
    from persync_shopify.connector import Shopify

    yield Shopify


@hookimpl
def persync_sandboxes() -> Iterable[Sandbox]:
    """Yield the imitated shop."""
    from persync_shopify.sandbox import SANDBOX

    yield SANDBOX
