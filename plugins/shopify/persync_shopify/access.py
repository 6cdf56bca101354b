"""What the token may read. The stream `shop` asks for its scopes and hands them to every other stream.

They travel as the data of the stream's one partition, so a pull that begins in the middle knows them too. A scope that is
not known to be missing is taken to be there: Shopify itself then says what it denies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from persync.connect import Work
from persync.errors import SkipStreamError

__all__ = ["REQUIRED", "allows", "demand", "granted"]

REQUIRED: Final = ("read_orders", "read_customers", "read_products")
"""what a pull needs at the least to be worth its name"""


def granted(parent: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the scopes of the token, None when they were never read."""
    scopes = parent.get("scopes")
    return None if scopes is None else frozenset(str(scopes).split())


def allows(scopes: frozenset[str] | None, wanted: Iterable[str]) -> bool:
    """Tell whether one of the wanted scopes is there; the scope to write a thing includes to read it."""
    if scopes is None:
        return True
    return any(scope in scopes or scope.replace("read_", "write_", 1) in scopes for scope in wanted)


def demand(work: Work, *wanted: str) -> None:
    """Raise SkipStreamError, naming the scope, when the token is known to have none of the wanted ones."""
    if wanted and not allows(granted(work.parent), wanted):
        names = " or ".join(wanted)
        raise SkipStreamError(
            f"the app lacks the scope {names}.",
            reason="scope",
            hint=f"Give the app {names} in the shop's Dev Dashboard, then pull again.",
        )
