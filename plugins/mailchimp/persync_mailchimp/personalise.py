"""What a campaign's texts and settings say about personalisation, as evidence for the one function that grades it.

The rule: a merge tag that the audience defines is a token; a block shown on a condition over such a tag, or to an interest
group, is conditional; a block of product recommendations is a recommendation; a cart in the text is a trigger. Tags that every
message carries (unsubscribe, address, year) do not count, and a name in the To line alone is nothing: it is not content.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["campaign_items", "content_items", "describe_condition", "segment_items"]

Item = tuple[str, str]

_TAG = re.compile(r"\*\|([^|\n]{1,300}?)\|\*")
_NAME = re.compile(r"[A-Z0-9_]+")
_NUMBERED = re.compile(r"MERGE[1-9][0-9]*")  # MERGE0 is the address
_CONDITIONS = frozenset({"IF", "IFNOT", "ELSEIF"})
_INTERESTS = frozenset({"INTERESTED", "NOTINTERESTED"})
_MODIFIERS = frozenset({"TITLE", "LOWER", "UPPER", "URL", "HTML"})
_CARTS = frozenset({"CART", "ABANDONED_CART"})
_RECOMMENDATION_BLOCK = re.compile(r"""(?:class|id|data-[\w-]+)\s*=\s*["'][^"']*product[-_]?recommendation""", re.IGNORECASE)

# Asked only when the audience's own fields are not known (it was deleted): everything else is then taken for a field.
_SYSTEM = re.compile(
    r"(?:ABOUT_LIST|ARCHIVE|BRAND|CAMPAIGN|COUPON|CURRENT_YEAR|DATE|DESCRIPTION|ELSE|EMAIL|END|FACEBOOK|FEED|FORWARD|HONEYPOT|HTML|"
    r"IFNOT|IF|LIST|MC|MERGE0$|POLL|PROMO|REWARDS|RSS|SHARE|SUBJECT|SURVEY|TRANSLATE|TWEET|TWITTER|TYPE$|UNIQID|UNSUB|"
    r"UPDATE_PROFILE|USER|VIDEO)"
)

# Conditions whose value names no person. The value of any other (an address, a first name) is left out.
_SPEAKING = frozenset(
    {"PredictedGender", "PredictedAge", "SocialGender", "SocialAge", "IPGeoCountryState", "Language", "StaticSegment", "VIP"}
)


def campaign_items(campaign: Mapping[str, Any], fields: Mapping[str, str] | None) -> tuple[Item, ...]:
    """Return the evidence in a campaign's settings: subject lines, preview text, segment, timing, automation type.

    `fields` are the audience's merge fields {TAG: type}, None when they are not known.
    """
    settings = campaign.get("settings") or {}
    variate = campaign.get("variate_settings") or {}
    items: set[Item] = set()
    for subject in (settings.get("subject_line"), *(variate.get("subject_lines") or ())):
        items.update(_text_items(subject, "subject", fields))
    items.update(_text_items(settings.get("preview_text"), "preview", fields))
    items.update(segment_items((campaign.get("recipients") or {}).get("segment_opts")))
    if settings.get("timewarp"):
        items.add(("timing", "timewarp"))
    if str(campaign.get("type", "")).startswith("automation"):
        items.add(("workflow", str(campaign["type"])))
    return tuple(sorted(items))


def content_items(content: Mapping[str, Any], fields: Mapping[str, str] | None) -> tuple[Item, ...]:
    """Return the evidence in a campaign's texts, with `read` among it unless every text is empty."""
    items: set[Item] = set()
    for text in (content, *(content.get("variate_contents") or ())):
        for place in ("html", "plain_text"):
            body = text.get(place)
            if body and body.strip():
                items.add(("read", ""))
                items.update(_text_items(body, "content", fields))
                if place == "html" and _RECOMMENDATION_BLOCK.search(body):
                    items.add(("recommendation", "block"))
    return tuple(sorted(items))


def segment_items(options: Mapping[str, Any] | None) -> Iterator[Item]:
    """Yield the evidence in `segment_opts`: that a part of the audience was chosen, and by which rule."""
    if not options:
        return
    conditions = options.get("conditions") or ()
    for condition in conditions:
        yield "segment", describe_condition(condition)
    if options.get("prebuilt_segment_id"):
        yield "segment", f"prebuilt {options['prebuilt_segment_id']}"
    if not conditions and options.get("saved_segment_id"):
        yield "segment", f"saved {options['saved_segment_id']}"


def describe_condition(condition: Mapping[str, Any]) -> str:
    """Return a segment's condition in words, without a value that may name a person."""
    kind = str(condition.get("condition_type") or "")
    parts = [kind, condition.get("field"), condition.get("op")]
    if kind in _SPEAKING:
        parts.append(condition.get("value"))
    return " ".join(str(part) for part in parts if part not in (None, "")) or "condition"


def _text_items(text: str | None, place: str, fields: Mapping[str, str] | None) -> Iterator[Item]:
    if not text or "*" not in text:
        return
    known = None if fields is None else {name.upper() for name in fields}
    for body in _tags(text):
        head, _, rest = body.partition(":")
        if head in _CONDITIONS:
            named = _NAME.match(rest.strip())
            if named and _is_personal(named.group(), known):
                yield "conditional", f"{named.group()} in {place}"
        elif head in _INTERESTS:
            yield "conditional", f"INTERESTED in {place}"
        elif head.startswith("PRODUCT_RECOMMENDATION"):
            yield "recommendation", f"{head} in {place}"
        elif head in _CARTS:
            yield "trigger", f"{head} in {place}"
        else:
            name = rest.strip() if head in _MODIFIERS and rest else head
            if _NAME.fullmatch(name) and _is_personal(name, known):
                yield "token", f"{name} in {place}"


def _tags(text: str) -> Iterable[str]:
    # Inside links the bars are often percent-encoded, and a comparison sign in HTML is an entity.
    text = text.replace("*%7C", "*|").replace("%7C*", "|*")
    return (html.unescape(match.group(1)).strip().upper() for match in _TAG.finditer(text))


def _is_personal(name: str, known: set[str] | None) -> bool:
    if name == "EMAIL":
        return False
    if _NUMBERED.fullmatch(name):
        return True
    return name in known if known is not None else _SYSTEM.match(name) is None
