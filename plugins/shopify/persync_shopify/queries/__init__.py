"""The GraphQL texts, one file a query; each is checked against Shopify's own schema by the tests.

A line may end in a mark that says when it is asked for: `# since 2026-07` (from that version on), `# before 2026-10`,
`# scope read_a read_b` (unless the token is known to lack them all), `# granted read_a` (when it is known to have it: a denial
would empty the record), `# when count` (when a total is wanted).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from persync_shopify.access import allows
from persync_shopify.versions import DEFAULT

__all__ = ["NAMES", "query"]

NAMES: Final = (
    "shop",
    "customers",
    "orders",
    "order_sales",
    "order_lines",
    "order_moments",
    "order_payments",
    "order_discounts",
    "products",
    "unit_costs",
    "checkouts",
    "checkout_mails",
    "segments",
    "segment_members",
    "marketing",
    "deletions",
    "order_listing",
    "customer_listing",
    "product_listing",
    "totals",
    "last_order",
    "revenue",
    "variants",
)

_MARK: Final = re.compile(r"\s+# (since|before|scope|granted|when) ([\w \-]+)$")


@cache
def _lines(name: str) -> tuple[str, ...]:
    text = files(__name__).joinpath(f"{name}.graphql").read_text("utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


@lru_cache(maxsize=256)
def query(name: str, version: str = DEFAULT, scopes: frozenset[str] | None = None, *, counting: bool = False) -> str:
    """Return the text of a query for a version and the token's scopes (None: not known), without comments."""
    kept = []
    for line in _lines(name):
        mark = _MARK.search(line)
        if mark is None:
            kept.append(line)
        elif _wanted(mark[1], mark[2], version, scopes, counting):
            kept.append(line[: mark.start()])
    return "\n".join(kept) + "\n"


def _wanted(kind: str, value: str, version: str, scopes: frozenset[str] | None, counting: bool) -> bool:
    # "unstable" sorts behind every date, as it should.
    if kind == "since":
        return version >= value
    if kind == "before":
        return version < value
    if kind == "when":
        return counting
    return allows(scopes, value.split()) and (kind == "scope" or scopes is not None)
