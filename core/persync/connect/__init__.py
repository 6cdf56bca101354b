"""Connectors: what a vendor's API offers, declared as data, and the engine that pulls it."""

from typing import TYPE_CHECKING, Any

from persync.connect.bodies import as_json, mended
from persync.connect.connector import ConnectionSettings, Connector, Doubt, retry_after
from persync.connect.guide import Guide
from persync.connect.pace import Pace
from persync.connect.readers import GraphQLPages, OffsetPages, SearchWindows, SinglePage, TokenPages, iso, picked
from persync.connect.stream import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    AccountFacts,
    Below,
    Context,
    Every,
    Full,
    Incremental,
    Reader,
    Refresh,
    Request,
    Size,
    Step,
    Stream,
    Sweep,
    Token,
    Work,
)
from persync.connect.totals import Total

if TYPE_CHECKING:
    from persync.connect.client import Client

__all__ = [
    "DAY_MS",
    "HOUR_MS",
    "MINUTE_MS",
    "AccountFacts",
    "Below",
    "Client",
    "ConnectionSettings",
    "Connector",
    "Context",
    "Doubt",
    "Every",
    "Full",
    "GraphQLPages",
    "Guide",
    "Incremental",
    "OffsetPages",
    "Pace",
    "Reader",
    "Refresh",
    "Request",
    "SearchWindows",
    "SinglePage",
    "Size",
    "Step",
    "Stream",
    "Sweep",
    "Token",
    "TokenPages",
    "Total",
    "Work",
    "as_json",
    "iso",
    "mended",
    "picked",
    "retry_after",
]


def __getattr__(name: str) -> Any:
    """Return `Client` when somebody asks for it: it brings httpx along, which a declaration does not need."""
    if name == "Client":
        from persync.connect.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
