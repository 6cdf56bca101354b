"""The one call that the webhooks make."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from persync.errors import AuthError
from persync.hookspecs import Trial


def call(kind: str, secrets: Mapping[str, str], body: Any) -> None:
    """Post a body to the webhook's address. Raises AuthError without one, else what `post_json` raises."""
    from persync.connect.outgoing import post_json

    url = secrets.get("url")
    if url is None:
        raise AuthError("its address was not found.")
    post_json(kind, url, body)


def trial(folder: Path, url: str) -> Trial:
    """Return what leads a webhook to an address of this machine, with a token in it."""
    return Trial(secrets={"url": f"{url}/zyq-hush-4711"})
