"""What a visit before an order tells: which message brought it, through which channel, to which page.

Shopify keeps the whole landing URL. The campaign ids that Mailchimp and HubSpot put there survive even where UTM is bare, so
they are read first; then the query string is dropped. `mc_eid` is never used: it names the addressee of a mail, who may have
forwarded it, and a person joined to the wrong one is worse than one not joined.
"""

from __future__ import annotations

import re
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit

from persync.rows import CampaignRef
from persync_shopify.records import Utm, Visit

__all__ = ["campaign", "channel", "page", "source"]

_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_UTM_LONGEST: Final = 200
_SOURCE_LONGEST: Final = 100

_SECRET_SEGMENTS: Final = frozenset(
    {"account", "customer_authentication", "orders", "checkouts", "checkout", "invoices", "authenticate"}
)
"""parts of a shop's paths that are followed by tokens or ids of people"""

_EMAIL_MEDIA: Final = frozenset({"email", "e-mail", "mail", "newsletter"})
_PAID_MEDIA: Final = re.compile(r"(cpc|ppc|cpm|cpv|paid.*|.*retargeting|display|banner|ads?)")
_CLICK_IDS: Final = {"gclid": "paid_search", "msclkid": "paid_search", "gbraid": "paid_search", "wbraid": "paid_search"}
_SEARCH: Final = re.compile(r"(^|\.)(google|bing|yahoo|duckduckgo|ecosia|yandex|baidu|qwant|startpage|brave)\.")
_SOCIAL: Final = re.compile(
    r"(^|\.)(facebook|instagram|pinterest|tiktok|twitter|linkedin|youtube|reddit|snapchat|threads|whatsapp)\.|(^|\.)(t\.co|x\.com|fb\.com)$"
)
_SEARCH_NAMES: Final = frozenset({"google", "bing", "yahoo", "duckduckgo", "ecosia", "yandex", "baidu"})
_SOCIAL_NAMES: Final = frozenset(
    {"facebook", "instagram", "pinterest", "tiktok", "twitter", "linkedin", "youtube", "reddit", "snapchat"}
)
_MEDIA: Final = {
    "sms": "sms",
    "text": "sms",
    "affiliate": "affiliate",
    "affiliates": "affiliate",
    "social": "social",
    "organic_social": "social",
    "organic": "organic_search",
    "referral": "referral",
    "push": "push",
}
_TACTICS: Final = {
    "NEWSLETTER": "email",
    "TRANSACTIONAL": "email",
    "ABANDONED_CART": "email",
    "AD": "paid",
    "RETARGETING": "paid",
    "SEO": "organic_search",
    "POST": "social",
    "AFFILIATE": "affiliate",
    "LOYALTY": "affiliate",
    "MESSAGE": "message",
    "NOTIFICATION": "push",
    "STOREFRONT_APP": "onsite",
    "LINK": "referral",
}


def _query(visit: Visit) -> dict[str, str]:
    try:
        return dict(parse_qsl(urlsplit(visit.get("landingPage") or "").query))
    except ValueError:
        return {}


def _utm(visit: Visit, name: Literal["source", "medium", "campaign"], query: dict[str, str]) -> str:
    utm: Utm | None = visit.get("utmParameters")
    value = (utm[name] if utm else None) or query.get(f"utm_{name}") or ""
    return value.strip()


def campaign(visit: Visit) -> CampaignRef | None:
    """Return the campaign whose message brought the visit: Mailchimp's id, else HubSpot's send id, else the UTM name."""
    query = _query(visit)
    for kind, name in (("mc_cid", "mc_cid"), ("hsmi", "_hsmi")):
        if _ID.fullmatch(query.get(name, "")):
            found: CampaignRef = CampaignRef((kind, query[name]))
            return found
    name = _utm(visit, "campaign", query)
    # Some tools put the reader's address there.
    named: CampaignRef | None = CampaignRef(("utm", name[:_UTM_LONGEST])) if name and "@" not in name else None
    return named


def channel(visit: Visit) -> str:
    """Return the channel of a visit.

    One of email, sms, push, message, paid_search, paid_social, paid, organic_search, social, affiliate, onsite, referral,
    direct. The surest sign first: the mail platforms' own ids, UTM medium, ad click ids, Shopify's tactic, its source, the
    referrer. A visit of unknown origin counts as direct, so that "last non-direct" never credits the unknown.
    """
    query = _query(visit)
    origin = (_utm(visit, "source", query) or visit.get("source") or "").lower()
    medium = _utm(visit, "medium", query).lower()
    if query.get("mc_cid") or query.get("_hsmi") or query.get("_hsenc") or medium in _EMAIL_MEDIA:
        return "email"
    if medium in _MEDIA:
        return _MEDIA[medium]
    if _PAID_MEDIA.fullmatch(medium):
        return _paid(origin)
    for name, found in _CLICK_IDS.items():
        if query.get(name):
            return found
    tactic = _TACTICS.get(visit.get("sourceType") or "", "")
    if tactic:
        return _paid(origin) if tactic == "paid" else tactic
    return _by_origin(origin, visit.get("referrerUrl"))


def _paid(source: str) -> str:
    if _is(source, _SOCIAL_NAMES, _SOCIAL):
        return "paid_social"
    return "paid_search" if _is(source, _SEARCH_NAMES, _SEARCH) else "paid"


def _by_origin(source: str, referrer: str | None) -> str:
    if source in ("email", "newsletter", "mailchimp", "hubspot", "hs_email", "klaviyo"):
        return "email"
    if source == "direct":
        return "direct"
    try:
        host = (urlsplit(referrer or "").hostname or "").lower()
    except ValueError:
        host = ""
    if _is(source, _SEARCH_NAMES, _SEARCH) or _SEARCH.search(host):
        return "organic_search"
    if _is(source, _SOCIAL_NAMES, _SOCIAL) or _SOCIAL.search(host):
        return "social"
    return "referral" if host or "." in source else "direct"


def _is(source: str, names: frozenset[str], hosts: re.Pattern[str]) -> bool:
    return source in names or hosts.search(source) is not None


def source(visit: Visit) -> str:
    """Return Shopify's own word for where the visit came from, in lower case."""
    word = (visit.get("source") or "").strip().lower()
    return "" if "@" in word else word[:_SOURCE_LONGEST]


def page(visit: Visit) -> str | None:
    """Return the landing page as scheme, host and path; without query, and cut before anything that may name a person."""
    try:
        parts = urlsplit(visit.get("landingPage") or "")
        host = parts.hostname
    except ValueError:
        return None
    if not host or parts.scheme not in ("http", "https"):
        return None
    kept: list[str] = []
    for segment in parts.path.split("/"):
        if "@" in segment or "%40" in segment:
            break
        kept.append(segment)
        if segment in _SECRET_SEGMENTS:
            break
    return f"{parts.scheme}://{host}{'/'.join(kept) or '/'}"
