"""The GraphQL texts, one file a query; each is checked against Shopify's own schema by the tests."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["NAMES", "query"]

NAMES = ("shop", "customers", "orders", "order_sales", "order_lines", "order_moments")


@cache
def query(name: str) -> str:
    """Return the text of a query without its comments."""
    text = files(__name__).joinpath(f"{name}.graphql").read_text("utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("#")) + "\n"
