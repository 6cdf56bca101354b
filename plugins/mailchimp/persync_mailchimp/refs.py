"""How a campaign is named, and what is left of a link."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from persync.rows import CampaignRef

__all__ = ["bare_link", "campaign_ref"]


@lru_cache(maxsize=64)
def campaign_ref(campaign_id: str) -> CampaignRef:
    """Name a campaign by its id, which is also what `mc_cid` in links says."""
    ref: CampaignRef = CampaignRef(("id", campaign_id), ("mc_cid", campaign_id))
    return ref


def bare_link(url: str | None) -> str | None:
    """Return a web address without query, fragment, user and any part that holds an address; of others the scheme alone."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return f"{parts.scheme}:" if parts.scheme else None
    path = parts.path
    if "@" in path or "%40" in path:
        path = "/"
    return f"{parts.scheme}://{host}{port}{path}"
