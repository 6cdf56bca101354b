"""The one call that the webhooks make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from persync.errors import AuthError


def call(kind: str, secrets: Mapping[str, str], body: Any) -> None:
    """Post a body to the webhook's address. Raises AuthError without one, else what `post_json` raises."""
    from persync.connect.outgoing import post_json

    url = secrets.get("url")
    if url is None:
        raise AuthError("its address was not found.")
    post_json(kind, url, body)
