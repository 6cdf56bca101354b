"""HubSpot for persync: the connector and an imitation of its API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from persync import hookimpl

if TYPE_CHECKING:
    from persync.connect.connector import Connector
    from persync.hookspecs import Sandbox
    from persync.sandbox.world import World


@hookimpl
def persync_connectors() -> Iterable[type[Connector]]:
    """Yield the HubSpot connector."""
    from persync_hubspot.connector import HubSpot

    yield HubSpot


@hookimpl
def persync_sandboxes() -> Iterable[Sandbox]:
    """Yield HubSpot's API over a world."""
    from persync.hookspecs import Sandbox
    from persync_hubspot.refusals import refusal

    yield Sandbox(name="hubspot", connector="hubspot", app=_app, settings=_settings, secrets=_secrets, refusal=refusal)


def _app(world: World) -> Any:
    from persync_hubspot.sandbox import app

    return app(world)


def _settings(world: World, base_url: str) -> Mapping[str, Any]:
    from persync_hubspot.sandbox import settings

    return settings(world, base_url)


def _secrets(world: World) -> Mapping[str, str]:
    from persync_hubspot.sandbox import secrets

    return secrets(world)
