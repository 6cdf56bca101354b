"""What in a marketing e-mail bears on personalisation. HubSpot has no flag for it: the content itself must be looked through.

Only names are taken out of it - tokens, modules, workflows -, never text. The level is graded elsewhere, from this evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from persync_hubspot.records_mail import EmailContent, MarketingEmail

Item = tuple[str, str]

_OBJECTS = r"(?:contact|company|deal|ticket|order|cart|quote|subscription|line_item|product)"
_NAME = rf"{_OBJECTS}\.[A-Za-z_][\w.]*"
_TOKEN_CALL = re.compile(rf"personalization_token\(\s*['\"]({_NAME})['\"]")
_EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_STATEMENT = re.compile(r"\{%-?\s*(\w+)(.*?)-?%\}", re.DOTALL)
_BARE_NAME = re.compile(rf"(?<![\w.'\"])({_NAME})")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_CRM_CALL = re.compile(r"\b(crm_objects?|crm_associations)\s*\(")
_ASSIGNMENT = re.compile(r"^\s*(\w+)\s*=")
_LOOP = re.compile(r"\bin\s+(\w+)")
_MODULE_KEYS = frozenset({"path", "module_path", "module", "type", "template"})

_TRIGGERED = ("AUTOMATED_", "FOLLOWUP_", "LEADFLOW_", "OPTIN_", "MEMBERSHIP_", "FEEDBACK_", "TICKET_")
_TRIGGERED_TYPES = frozenset({"SINGLE_SEND_API", "MARKETING_SINGLE_SEND_API", "SMTP_TOKEN", "RESUBSCRIBE_EMAIL"})
# The owner's name and signature are the sender's, not the reader's.
_NOT_PERSONAL = ("contact.hubspot_owner", "company.hubspot_owner", "deal.hubspot_owner")


def settings_items(email: MarketingEmail) -> tuple[Item, ...]:
    """Return the evidence in how a mail is sent: by which trigger or workflow, at whose hour.

    The lists a mail goes to are no evidence: every mail goes to some list, and whether a list is a filter is not said here.
    """
    found: set[Item] = {("read", "settings")}
    kind = email.get("type") or ""
    if kind.startswith(_TRIGGERED) or kind in _TRIGGERED_TYPES:
        found.add(("trigger", kind))
    found.update(("workflow", name) for name in email.get("workflowNames") or ())
    if kind == "LOCALTIME_EMAIL":
        found.add(("timing", "local time"))
    return tuple(sorted(found))


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
    personal: set[str] = set()
    for expression in _EXPRESSION.finditer(text):
        yield from _used("token", expression[1])
    for statement in _STATEMENT.finditer(text):
        word, code = statement[1], statement[2]
        used = list(_used("conditional" if word in ("if", "elif", "unless") else "token", code))
        yield from used
        if word == "set" and used and (assigned := _ASSIGNMENT.match(code)):
            personal.add(assigned[1])
        if word == "for" and (used or ((over := _LOOP.search(code)) and over[1] in personal)):
            yield "programmable", "for"


def _used(kind: str, code: str) -> Iterator[Item]:
    """Yield the reader's data that a piece of code uses, as evidence of a kind, and any look into the CRM."""
    names = [call[1] for call in _TOKEN_CALL.finditer(code)] + _BARE_NAME.findall(_QUOTED.sub("''", code))
    for name in names:
        if not name.startswith(_NOT_PERSONAL):
            yield kind, name
    for call in _CRM_CALL.findall(code):
        yield "programmable", call
