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

    yield Sandbox(
        name="hubspot", connector="hubspot", app=_app, settings=_settings, secrets=_secrets, refusal=refusal, facts=_facts
    )


def _facts(world: World) -> Mapping[str, int]:
    """Return what a store holds after a pull from this world; money in minor units."""
    sends = [send for message in world.messages if message.platform == "hubspot" for send in message.sends]
    return {
        "SELECT COUNT(*) FROM contacts": sum(person.hubspot_id is not None for person in world.people.values()),
        "SELECT COUNT(*) FROM orders WHERE kind = 'deal'": len(world.deals),
        "SELECT SUM(total_minor) FROM orders WHERE kind = 'deal'": sum(deal.total_minor() for deal in world.deals),
        "SELECT COUNT(*) FROM touchpoints WHERE action = 1": len(sends),
        "SELECT COUNT(*) FROM touchpoints WHERE action = 4": sum(len(send.clicks) for send in sends),
    }


def _app(world: World) -> Any:
    from persync_hubspot.sandbox import app

    return app(world)


def _settings(world: World, base_url: str) -> Mapping[str, Any]:
    from persync_hubspot.sandbox import settings

    return settings(world, base_url)


def _secrets(world: World) -> Mapping[str, str]:
    from persync_hubspot.sandbox import secrets

    return secrets(world)
