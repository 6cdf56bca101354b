"""What a person is told before giving persync a token: where it is made, what it must see, and what is missed without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from persync.connect.connector import Connector

__all__ = ["Guide", "guide_lines", "scopes_of", "to_a_token", "to_scopes"]


@dataclass(frozen=True, slots=True)
class Guide:
    """A connector's own words. `steps` lead to the token, one action each; `page` is the vendor's own address of the place, or
    of its instructions; `limits` say what the vendor holds back, and from whom."""

    steps: tuple[str, ...]
    limits: tuple[str, ...] = ()
    page: str = ""


def scopes_of(connector: type[Connector]) -> dict[str, tuple[str, ...]]:
    """Return {scope: the facts that rest on it}, in whole or in part, from the streams that every pull reads."""
    found: dict[str, dict[str, None]] = {}
    for stream in connector.streams:
        if stream.default:
            for scope in stream.scopes:
                found.setdefault(scope, {}).update(dict.fromkeys(stream.facts))
    return {scope: tuple(facts) for scope, facts in found.items()}


def to_a_token(connector: type[Connector], connection: str) -> str:
    """Return the next step of who has no token, or one that is refused: where it is made, and how persync gets it."""
    return f"`persync connect {connector.name} --guide` leads to a new one; `persync connect {connection}` takes it in."


def to_scopes(connector: type[Connector], connection: str) -> str:
    """Return the next step of who has a token that may not see everything."""
    return f"`persync connect {connector.name} --guide` says where to allow it; then run `persync pull {connection}`."


def guide_lines(connector: type[Connector]) -> Iterator[str]:
    """Yield what to tell about a connector, as lines of any length; one without a guide has its `help`."""
    guide = connector.guide or Guide((connector.help,) if connector.help else ())
    if guide.steps:
        yield f"How to let persync read {connector.title}:"
        yield from (f"{number}. {step}" for number, step in enumerate(guide.steps, 1))
    if guide.page:
        yield f"{connector.title}'s page of it: {guide.page}"
    if scopes := scopes_of(connector):
        yield "Scopes, and the facts that rest on each, in whole or in part:"
        yield from (f"- {scope}: {', '.join(facts)}" for scope, facts in scopes.items())
    if guide.limits:
        yield "Good to know:"
        yield from (f"- {text}" for text in guide.limits)
