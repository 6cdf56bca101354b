"""What in a marketing e-mail bears on personalisation. HubSpot has no flag for it: the content itself must be looked through.

Only names are taken out of it - tokens, modules, workflows, lists by number -, never text. The level is graded elsewhere, from
this evidence. A list filtered by sex, age or place is told apart as `demographic`, which grades nothing by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from persync_hubspot.records_mail import EmailContent, MarketingEmail

__all__ = ["content_items", "list_type", "settings_items"]

Item = tuple[str, str]

_OBJECTS = r"(?:contact|company|deal|ticket|order|cart|quote|subscription|line_item|product)"
_NAME = rf"{_OBJECTS}\.[A-Za-z_][\w.]*"
_TOKEN_CALL = re.compile(rf"personalization_token\(\s*['\"]({_NAME})['\"]")
_INDEX = re.compile(rf"(?<![\w.'\"])({_OBJECTS})\[\s*['\"](\w+)['\"]\s*\]")
_BARE_NAME = re.compile(rf"(?<![\w.'\"])({_NAME})")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_CRM_CALL = re.compile(r"\b(crm_objects?|crm_associations)\s*\(")
_INSIDE = r"(?:[^{]|\{(?![{%]))*?"  # up to the next opening: code that is never closed ends there
_CODE = re.compile(rf"\{{\{{(?P<expression>{_INSIDE})\}}\}}|\{{%-?\s*(?P<word>\w+)(?P<code>{_INSIDE})-?%\}}")
_ASSIGNMENT = re.compile(r"^\s*(\w+)\s*=(.*)", re.DOTALL)
_LOOP = re.compile(r"\bin\s+(.*)", re.DOTALL)
_CHOICE = re.compile(r"\bif\b(?P<after>.*?)(?:\belse\b|$)|^(?P<before>.*?)\?", re.DOTALL)
_RECOMMENDER = re.compile(r"path\s*=\s*['\"]([^'\"]*recommend[^'\"]*)['\"]", re.IGNORECASE)
_MODULE_KEYS = frozenset({"path", "module_path", "module", "type", "template"})

# What is not run, and what nobody sees. Code in HTML comments is run: its branches and loops govern the text after it.
_NOT_RUN = re.compile(r"\{%-?\s*raw\s*-?%\}.*?(?:\{%-?\s*endraw\s*-?%\}|\Z)|\{#.*?(?:#\}|\Z)", re.DOTALL)
_UNSEEN = re.compile(r"<!--(?!\[if|-?>).*?(?:-->|\Z)|<style\b.*?(?:</style\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_STATEMENT = re.compile(rf"\{{%{_INSIDE}%\}}")

_TRIGGERED = ("AUTOMATED_", "FOLLOWUP_", "LEADFLOW_", "OPTIN_", "MEMBERSHIP_", "FEEDBACK_", "TICKET_")
_TRIGGERED_TYPES = frozenset({"SINGLE_SEND_API", "MARKETING_SINGLE_SEND_API", "SMTP_TOKEN", "RESUBSCRIBE_EMAIL"})
# The owner's name and signature are the sender's, not the reader's.
_NOT_PERSONAL = ("contact.hubspot_owner", "company.hubspot_owner", "deal.hubspot_owner")

# A list that asks only for these is everybody who may be mailed.
_CONSENT_FILTERS = frozenset({"EMAIL_SUBSCRIPTION", "COMMUNICATION_SUBSCRIPTION"})
_CONSENT_PROPERTY = re.compile(
    r"email|hs_email_(?:optout|quarantined|bad|bounce|hard|is_inel)\w*|hs_legal_basis|hs_marketable_\w+"
)
_AXES = {
    **dict.fromkeys(("gender", "salutation"), "gender"),
    **dict.fromkeys(("age", "age_range", "date_of_birth", "year_of_birth"), "age"),
    **dict.fromkeys(("address", "city", "country", "state", "zip", "hs_country_region_code", "hs_state_code"), "place"),
    **dict.fromkeys(("hs_timezone", "ip_city", "ip_country", "ip_country_code", "ip_state", "ip_state_code"), "place"),
    **dict.fromkeys(("ip_latlon", "ip_zipcode"), "place"),
}


def settings_items(email: MarketingEmail, lists: Mapping[str, str] | None = None) -> tuple[Item, ...]:
    """Return the evidence in how a mail is sent: by which trigger or workflow, at whose hour, to which filtered lists.

    `lists` says by list id what `list_type` said of the list. A list that is not in it is no evidence: every mail goes to
    some list, and only the definition says whether it is a filter.
    """
    found: set[Item] = {("read", "settings")}
    kind = email.get("type") or ""
    if kind.startswith(_TRIGGERED) or kind in _TRIGGERED_TYPES:
        found.add(("trigger", kind))
    found.update(("workflow", name) for name in email.get("workflowNames") or ())
    if kind == "LOCALTIME_EMAIL":
        found.add(("timing", "local time"))
    included = ((email.get("to") or {}).get("contactIlsLists") or {}).get("include") or ()
    for number in included:
        _, *words = (lists or {}).get(number, "").split() or [""]
        if words:
            found.add(("filtered_list", number))
            found.update(("demographic", axis) for axis in words[1:])
    return tuple(sorted(found))


def list_type(record: Mapping[str, Any]) -> str:
    """Return what a list is in a few words: its processing type, `filtered` if it chooses people, and by what.

    `record` is a list of `/crm/lists` with its `filterBranch`: "MANUAL", "DYNAMIC" (a filter on consent alone chooses
    nobody), "DYNAMIC filtered gender place". No value of a filter is looked at.
    """
    chosen = [one for one in _filters(record.get("filterBranch")) if not _is_consent(one)]
    axes = sorted({axis for one in chosen if (axis := _AXES.get(str(one.get("property"))))})
    return " ".join([str(record.get("processingType") or "LIST"), *(["filtered", *axes] if chosen else ())])


def content_items(email: MarketingEmail) -> tuple[Item, ...] | None:
    """Return the evidence in subject and body, None when the body was not sent along (its level is then unknown)."""
    content = email.get("content")
    if not content or not _has_body(content):
        return None
    found: set[Item] = {("read", "content")}
    for field in content.get("smartFields") or {}:
        found.add(("smart", field))
    parts = [
        email.get("subject"),
        *(content.get(name) for name in ("plainTextVersion", "widgets", "flexAreas", "widgetContainers")),
    ]
    for key, text in _texts(parts):
        if key in _MODULE_KEYS and "recommend" in text.lower():
            found.add(("recommendation", text[:120]))
        if "{{" in text or "{%" in text:
            found.update(_hubl(text))
    return tuple(sorted(found))


def _filters(branch: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every filter of a tree of filters."""
    if isinstance(branch, Mapping):
        yield from (one for one in branch.get("filters") or () if isinstance(one, Mapping))
        for inner in branch.get("filterBranches") or ():
            yield from _filters(inner)


def _is_consent(one: Mapping[str, Any]) -> bool:
    if one.get("filterType") in _CONSENT_FILTERS:
        return True
    return one.get("filterType") == "PROPERTY" and _CONSENT_PROPERTY.fullmatch(str(one.get("property"))) is not None


def _has_body(content: EmailContent) -> bool:
    return any(content.get(name) for name in ("plainTextVersion", "widgets", "flexAreas", "widgetContainers", "smartFields"))


def _texts(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Walk any JSON and yield each string with the key it stands under."""
    if isinstance(node, str):
        yield key, node
    elif isinstance(node, dict):
        for name, child in node.items():
            yield from _texts(child, name)
    elif isinstance(node, list):
        for child in node:
            yield from _texts(child, key)


def _hubl(text: str) -> Iterator[Item]:
    """Yield what HubSpot's template language does in a text.

    A loop is programming for the reader only when it runs over the reader's data; one over blog posts is the same for all.
    """
    text = _UNSEEN.sub(lambda match: "".join(_STATEMENT.findall(match[0])), _NOT_RUN.sub("", text))
    held: dict[str, list[str]] = {}  # variable -> names of the reader's data in it
    for part in _CODE.finditer(text):
        word = part["word"]
        code = _plain(part["expression"] if word is None else part["code"])
        calls = _CRM_CALL.findall(code)
        yield from (("programmable", call) for call in calls)
        if word is None:
            yield from _expression(code, held)
            continue
        assigned = _ASSIGNMENT.match(code) if word == "set" else None
        names = _names(assigned[2] if assigned else code, held)
        if assigned:
            yield from _expression(assigned[2], held)
            held.pop(assigned[1], None)
            if names or calls:
                held[assigned[1]] = names
        else:
            yield from (("conditional" if word in ("if", "elif", "unless") else "token", name) for name in names)
        yield from (("recommendation", path[:120]) for path in _RECOMMENDER.findall(part["code"]))
        if word == "for" and (names or calls or ((over := _LOOP.search(code)) and held.keys() & set(_WORD.findall(over[1])))):
            yield "programmable", "for"


def _expression(code: str, held: Mapping[str, list[str]]) -> Iterator[Item]:
    """Yield the tokens of an expression; what decides between two texts (`a if b else c`, `b ? a : c`) is a condition."""
    choice = _CHOICE.search(code)
    decides = (choice["after"] or choice["before"] or "") if choice else ""
    conditions = _names(decides, held)
    yield from (("conditional", name) for name in conditions)
    yield from (("token", name) for name in _names(code, held) if name not in conditions)


def _plain(code: str) -> str:
    """Bring the notations of a token to one, `contact.city`, and empty all other strings."""
    return _QUOTED.sub("''", _INDEX.sub(r"\1.\2", _TOKEN_CALL.sub(r"\1", code)))


def _names(code: str, held: Mapping[str, list[str]]) -> list[str]:
    """Return the reader's data that a piece of code uses, by itself or through variables."""
    names = [name for name in _BARE_NAME.findall(code) if not name.startswith(_NOT_PERSONAL)]
    for variable in _WORD.findall(code):
        names += held.get(variable, ())
    return list(dict.fromkeys(names))
