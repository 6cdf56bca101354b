"""Where further pieces of the imitated shop are mounted: each adds fields to the root objects, and routes of its own.

A piece may bring a schema: every `sandbox*.graphql` of this package is joined to one text,
so it may extend QueryRoot, and the schema by its mutations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from graphql import GraphQLSchema
    from starlette.routing import BaseRoute

    from persync_shopify.sandbox_data import ShopData
    from persync_shopify.sandbox_run import Answer

__all__ = ["HERE", "PARTS", "Part", "Shop"]

HERE: Final[ContextVar[str]] = ContextVar("HERE", default="http://127.0.0.1/")
"""where the shop that is being asked is mounted, with a slash at the end"""


@dataclass(frozen=True, slots=True)
class Shop:
    """What a piece may use of the shop it is mounted in.

    `run` executes a checked text over the shop's data without asking for points; it raises GraphQLError for one that is not
    valid. `options` are the keyword arguments of `app` that the shop itself does not know; `clock` counts seconds.
    """

    data: ShopData
    run: Callable[[str, Mapping[str, Any]], Answer]
    schema: Callable[[], GraphQLSchema]
    clock: Callable[[], float]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """What a piece adds: values or functions by field name for the root objects, and routes besides `/admin`."""

    query: Mapping[str, Any] = field(default_factory=dict)
    mutation: Mapping[str, Any] = field(default_factory=dict)
    routes: Sequence[BaseRoute] = ()


PARTS: Final[tuple[Callable[[Shop], Part], ...]] = ()
"""one function a piece; called once for each app"""
