"""What a campaign's texts and settings say about personalisation, as evidence for the one function that grades it.

The rule: a merge tag that the audience defines is a token; a block shown on a condition over such a tag, or to an interest
group, is conditional; a block of product recommendations is a recommendation; a cart in the text is a trigger. Tags that every
message carries (unsubscribe, address, year) do not count, and a name in the To line alone is nothing: it is not content.
A segment chosen by sex, age or place is told apart as `demographic`: it grades nothing by itself, but fairness asks for it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = [
    "campaign_items",
    "content_items",
    "demographics",
    "describe_condition",
    "recommendation_items",
    "segment_items",
    "tracking_items",
]

Item = tuple[str, str]

_TAG = re.compile(r"\*\|([^|\n]{1,300}?)\|\*")
_ENCODED_BARS = re.compile(r"\*%7C([^|\n%]{1,300}?)%7C\*", re.IGNORECASE)
_NAME = re.compile(r"[A-Z0-9_]+")
_NUMBERED = re.compile(r"MERGE[1-9][0-9]*")  # MERGE0 is the address
_CONDITIONS = frozenset({"IF", "IFNOT", "ELSEIF"})
_INTERESTS = frozenset({"INTERESTED", "NOTINTERESTED"})
_MODIFIERS = frozenset({"TITLE", "LOWER", "UPPER", "URL", "HTML"})
_CARTS = frozenset({"CART", "ABANDONED_CART"})
_ABOUT_THE_READER = frozenset({"MC_LANGUAGE"})
"""a system tag whose value is the reader's own: a condition over it shows different people different texts"""

# What nobody sees: notes and style sheets. Conditional comments ("[if mso]") are shown, "<!-->" is an empty comment.
_UNSEEN = re.compile(r"<!--(?!\[if|-?>).*?(?:-->|\Z)|<style\b.*?(?:</style\s*>|\Z)", re.IGNORECASE | re.DOTALL)
# Tags are replaced there all the same, so a condition that opens in a comment governs the text after it.
_BRANCHES = re.compile(r"\*\|(?:IF|IFNOT|ELSEIF|INTERESTED|NOTINTERESTED):[^|\n]{1,300}?\|\*", re.IGNORECASE)
_RECOMMENDATION_BLOCK = re.compile(r"""(?:class|id|data-[\w-]+)\s*=\s*["'][^"']*product[-_]?recommendation""", re.IGNORECASE)
_DYNAMIC_BLOCK = re.compile(
    r"""(?:class|id)\s*=\s*["'][^"']*\bmc[a-z]?[-_]?dynamic[-_]?content|\bdata-(?:mc-)?dynamic-content\b""", re.IGNORECASE
)

# Asked only when the audience's own fields are not known (it was deleted): everything else is then taken for a field.
_SYSTEM = re.compile(
    r"(?:ABOUT_LIST|BRAND|COUPON|CURRENT_YEAR|DATE|DESCRIPTION|ELSE|END|FACEBOOK|FORWARD|HONEYPOT|IF|IFNOT|MERGE0|POLL|PROMO_CODE|"
    r"SHARE|SUBJECT|SURVEY|TRANSLATE|TWEET|TWITTER|TYPE|UNIQID|UNSUB|UNSUBSCRIBE|UPDATE_PROFILE|USER|VIDEO|"
    r"(?:RSS|FEED)[A-Z_]*|(?:ARCHIVE|CAMPAIGN|EMAIL|HTML|LIST|MC|REWARDS|UNSUB|USER)(?:_[A-Z_]+)?)"
)

# Conditions whose value names no person. The value of any other (an address, a first name) is left out.
_SPEAKING = frozenset(
    {"PredictedGender", "PredictedAge", "SocialGender", "SocialAge", "IPGeoCountryState", "Language", "StaticSegment", "VIP"}
)

_AXES = {
    "PredictedGender": "gender",
    "SocialGender": "gender",
    "PredictedAge": "age",
    "SocialAge": "age",
    "AddressMerge": "place",
    "ZipMerge": "place",
}
"""segment conditions that choose people by what they are; those that begin with IPGeo are by place too"""
_FIELD_TYPES = {"address": "place", "zip": "place"}
_FIELD_NAMES = {
    **dict.fromkeys(("GENDER", "SALUTATION", "SEX"), "gender"),
    **dict.fromkeys(("AGE", "AGEBAND", "AGEGROUP", "AGERANGE", "BIRTHDATE", "BIRTHYEAR", "DOB", "YOB"), "age"),
    **dict.fromkeys(
        ("ADDRESS", "CITY", "COUNTRY", "COUNTY", "POSTAL", "POSTALCODE", "POSTCODE", "REGION", "STATE", "TOWN"), "place"
    ),
    **dict.fromkeys(("ZIP", "ZIPCODE"), "place"),
}
"""what merge fields with these tags (without underscores) say of a person; other names say nothing to a program"""
_PREBUILT = (
    (re.compile(r"\b(?:(?:fe)?male|gender|(?:wo)?men)\b"), "gender"),
    (re.compile(r"\b(?:age|young|old|under|over|millennials|seniors)\b|\d\d"), "age"),
    (re.compile(r"\b(?:near|nearby|location|local|city|country|state|zip)\b"), "place"),
)


def campaign_items(campaign: Mapping[str, Any], fields: Mapping[str, str] | None) -> tuple[Item, ...]:
    """Return the evidence in a campaign's settings: subject lines, preview text, segment, timing, automation type.

    `fields` are the audience's merge fields {TAG: type}, None when they are not known.
    """
    settings = campaign.get("settings") or {}
    variate = campaign.get("variate_settings") or {}
    split = campaign.get("ab_split_opts") or {}
    subjects = (settings.get("subject_line"), *(variate.get("subject_lines") or ()))
    items: set[Item] = set()
    for subject in (*subjects, split.get("subject_a"), split.get("subject_b")):
        items.update(_text_items(subject, "subject", fields))
    items.update(_text_items(settings.get("preview_text"), "preview", fields))
    items.update(segment_items((campaign.get("recipients") or {}).get("segment_opts"), fields))
    if settings.get("timewarp"):
        items.add(("timing", "timewarp"))
    if str(campaign.get("type", "")).startswith("automation"):
        items.add(("workflow", str(campaign["type"])))
    return tuple(sorted(items))


def content_items(content: Mapping[str, Any], fields: Mapping[str, str] | None) -> tuple[Item, ...]:
    """Return the evidence in a campaign's texts, with `read` among it unless every text is empty.

    The archived page is no text: its tags are already replaced, so it would look the same with and without them.
    """
    items: set[Item] = set()
    for text in (content, *(content.get("variate_contents") or ())):
        for place in ("html", "plain_text"):
            body = text.get(place)
            if body and body.strip():
                items.add(("read", ""))
                if place == "html":
                    body = _seen(body)
                    if _RECOMMENDATION_BLOCK.search(body):
                        items.add(("recommendation", "block"))
                    if _DYNAMIC_BLOCK.search(body):
                        items.add(("conditional", "dynamic content block"))
                items.update(_text_items(body, "content", fields))
    return tuple(sorted(items))


def segment_items(options: Mapping[str, Any] | None, fields: Mapping[str, str] | None = None) -> Iterator[Item]:
    """Yield the evidence in `segment_opts`: that a part of the audience was chosen, by which rule, and by sex, age or place."""
    if not options:
        return
    conditions = options.get("conditions") or ()
    for condition in conditions:
        yield "segment", describe_condition(condition)
    for axis in demographics(conditions, fields):
        yield "demographic", axis
    prebuilt = str(options.get("prebuilt_segment_id") or "")
    if prebuilt:
        yield "segment", f"prebuilt {prebuilt}"
        for pattern, axis in _PREBUILT:
            if pattern.search(prebuilt.lower()):
                yield "demographic", axis
    if not conditions and options.get("saved_segment_id"):
        yield "segment", f"saved {options['saved_segment_id']}"


def demographics(conditions: Iterable[Mapping[str, Any]], fields: Mapping[str, str] | None = None) -> list[str]:
    """Return by what conditions of a segment choose people: `age`, `gender`, `place`, sorted, each once.

    Conditions of Mailchimp's own (predicted, social, by IP) say it themselves; a condition over a merge field says it by
    the field's type or tag. A birthday without a year is no age.
    """
    return sorted({axis for condition in conditions if (axis := _axis(condition, fields or {}))})


def describe_condition(condition: Mapping[str, Any]) -> str:
    """Return a segment's condition in words, without a value that may name a person."""
    kind = str(condition.get("condition_type") or "")
    parts = [kind, condition.get("field"), condition.get("op")]
    if kind in _SPEAKING:
        parts.append(condition.get("value"))
    return " ".join(str(part) for part in parts if part not in (None, "")) or "condition"


def recommendation_items(recommendation_total: float | None) -> tuple[Item, ...]:
    """Return the evidence in a report of e-commerce products: that something recommended was sold (any positive amount)."""
    return (("recommendation", "sold"),) if recommendation_total and recommendation_total > 0 else ()


def tracking_items(tracking_code: str | None) -> tuple[Item, ...]:
    """Return the evidence in an order's tracking code: `prec` marks an order that came from a recommended product."""
    return (("recommendation", "order"),) if tracking_code == "prec" else ()


def _axis(condition: Mapping[str, Any], fields: Mapping[str, str]) -> str | None:
    kind = str(condition.get("condition_type") or "")
    if kind in _AXES:
        return _AXES[kind]
    if kind.startswith("IPGeo"):
        return "place"
    if not kind.endswith("Merge") or kind == "BirthdayMerge":
        return None
    tag = str(condition.get("field") or "").upper()
    return _FIELD_TYPES.get(fields.get(tag, "")) or _FIELD_NAMES.get(tag.replace("_", ""))


def _seen(body: str) -> str:
    """Return HTML without what nobody sees, but with the conditions that stand there."""
    return _UNSEEN.sub(lambda match: "".join(_BRANCHES.findall(match[0])), body)


def _text_items(text: str | None, place: str, fields: Mapping[str, str] | None) -> Iterator[Item]:
    if not text or "*" not in text:
        return
    known = None if fields is None else {name.upper() for name in fields}
    for body in _tags(text):
        head, _, rest = body.partition(":")
        if head in _CONDITIONS:
            named = _NAME.match(rest.strip())
            if named and (named.group() in _ABOUT_THE_READER or _is_personal(named.group(), known)):
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


def _tags(text: str) -> Iterator[str]:
    """Yield what stands in each tag, upper case. Space beside a bar makes an ornament of it, no tag."""
    # Inside links the bars are often percent-encoded, and a comparison sign in HTML is an entity.
    for match in _TAG.finditer(_ENCODED_BARS.sub(r"*|\1|*", text)):
        body = match.group(1)
        if body == body.strip():
            yield html.unescape(body).upper()


def _is_personal(name: str, known: set[str] | None) -> bool:
    if name == "EMAIL":
        return False
    if _NUMBERED.fullmatch(name):
        return True
    return name in known if known is not None else _SYSTEM.fullmatch(name) is None
