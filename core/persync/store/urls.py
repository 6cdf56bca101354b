"""What the store keeps of a link's address, and which links unsubscribe."""

from __future__ import annotations

from urllib.parse import urlsplit


def without_query(url: str) -> str:
    """Return a URL without user, query and fragment; a path segment that holds an address is blanked."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    path = "/".join("-" if "@" in step or "%40" in step else step for step in parts.path.split("/"))
    if not host:
        return path
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}"


def is_unsubscribe(url: str) -> bool:
    """Tell an unsubscribe or preference link by the words vendors use in its path."""
    path = urlsplit(url).path.lower()
    return any(word in path for word in ("unsubscribe", "optout", "opt-out", "email-preferences", "/profile"))
