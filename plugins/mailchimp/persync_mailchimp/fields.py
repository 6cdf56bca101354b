"""Which fields are asked for."""

from __future__ import annotations

__all__ = ["only"]


def only(collection: str, *fields: str) -> dict[str, str]:
    """Ask for these fields alone: fewer bytes, and names and postal addresses of recipients never travel.

    Paths go through one list only: that they may go through a list inside a list is not documented.
    """
    return {"fields": ",".join(["total_items", *(f"{collection}.{field}" for field in fields)])}
