"""From members to rows: a contact, the consents as they stand now, tags, groups, and what the settings opt in to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from persync import rows
from persync.coarse import coarse, is_birth, region
from persync.connect.stream import Context
from persync.rows import Person
from persync_mailchimp import records
from persync_mailchimp.dates import moment

__all__ = ["email_channel", "every_member_rows", "member_rows"]

_CONSENT = {"subscribed": "subscribed", "unsubscribed": "unsubscribed", "pending": "pending"}
_SMS_CONSENT = {**_CONSENT, "nonsubscribed": "not_subscribed"}


def email_channel(list_id: str) -> str:
    """Return the channel of the consents to one audience's mail: a person may be in two, in another state in each."""
    return f"email/list:{list_id}"


def every_member_rows(member: records.Member, at: Context) -> Iterator[rows.Row]:
    """Yield a member of a complete listing: who is named in no list of the account is gone."""
    # Never the id made from the address: what a pass has seen lies in the store until it ends.
    web_id = member.get("web_id")
    key = member.get("contact_id") or (None if web_id is None else f"web {web_id}")
    if key:
        yield rows.Present(key)
    yield from member_rows(member, at)


def member_rows(member: records.Member, at: Context) -> Iterator[rows.Row]:
    """Yield a contact, the consents as they stand now, tags, groups, and the attributes that the settings opt in to."""
    person = Person(
        ("id", member.get("contact_id")),
        ("email", member["email_address"]),
        ("member", member["id"]),
        ("mc_eid", member.get("unique_email_id")),
    )
    status = member["status"]
    signed_up = moment(member.get("timestamp_signup"), "timestamp_signup")
    opted_in = moment(member.get("timestamp_opt"), "timestamp_opt")
    changed = moment(member.get("last_changed"), "last_changed")
    source = member.get("source") or None
    # An imported member has no sign-up of their own; then Mailchimp does not say how they consented.
    level = None
    if signed_up is not None:
        level = "confirmed_opt_in" if at.parent.get("double_optin") and opted_in is not None else "single_opt_in"

    list_id = at.parent["list_id"]
    # Who is in several audiences has a status and a source in each, which the consents tell; none of them is the person's.
    of_one = len(at.fields) <= 1
    yield rows.Contact(
        person, created_at=signed_up or opted_in, status=status if of_one else None, source=source if of_one else None
    )
    yield rows.Consent(
        person,
        email_channel(list_id),
        _CONSENT.get(status, "not_subscribed"),
        level,
        source,
        # When a consent ended is not told; the last change of the record is the latest it can have been.
        (opted_in or signed_up) if status == "subscribed" else changed,
    )
    sms = member.get("sms_subscription_status")
    if sms:
        sms_changed = moment(member.get("sms_subscription_last_updated"), "sms_subscription_last_updated")
        yield rows.Consent(person, f"sms/list:{list_id}", _SMS_CONSENT.get(sms, "unknown"), None, None, sms_changed)
    for permission in member.get("marketing_permissions") or ():
        permission_id = permission["marketing_permission_id"]
        # Its wording stands nowhere but here.
        yield rows.Segment("permission", permission_id, list_id, name=(permission.get("text") or "")[:120] or None)
        state = "subscribed" if permission["enabled"] else "not_subscribed"
        yield rows.Consent(person, f"permission/{permission_id}", state, None, source)
    personal = member.get("consents_to_one_to_one_messaging")
    if personal is not None:
        state = "subscribed" if personal else "not_subscribed"
        yield rows.Consent(person, f"one_to_one/list:{list_id}", state, None, source)
    interests = member.get("interests")
    if interests is not None:
        chosen = tuple(sorted(interest for interest, is_chosen in interests.items() if is_chosen))
        yield rows.MemberOf(person, "interest", list_id, chosen)
    tags = member.get("tags") or ()
    if (member.get("tags_count") or 0) <= len(tags):
        # Fifty at most are shown: a list that is cut short must not end the membership of the others.
        yield rows.MemberOf(person, "tag", list_id, tuple(sorted(str(tag["id"]) for tag in tags)))
    if at.settings.attributes:
        yield from _attributes(person, member, at)


def _attributes(person: Person, member: records.Member, at: Context) -> Iterator[rows.Row]:
    types = {_folded(tag): kind for tag, kind in at.fields.get(at.parent["list_id"], {}).items()}
    values = {_folded(tag): value for tag, value in (member.get("merge_fields") or {}).items()}
    for name, basis in at.settings.attributes.items():
        folded = _folded(name)
        if folded == "COUNTRY":
            code = (member.get("location") or {}).get("country_code") or values.get("COUNTRY")
            yield rows.Attribute(person, name, _country(code), basis)
        elif folded == "LANGUAGE":
            # en-GB and en_US are one language; the region would say more than was asked for.
            language = str(member.get("language") or "").replace("_", "-").split("-")[0].lower()
            yield rows.Attribute(person, name, language or None, basis)
        elif folded in values and folded in types:
            # Until its type is known nothing of it is kept: it may be a phone number or a postal code.
            yield rows.Attribute(person, name, _coarse(name, values[folded], types[folded], at.now), basis)


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    """Merge tags are upper case and at most ten characters; `age_band` in the settings means the tag AGEBAND."""
    return name.replace("_", "").upper()


def _country(code: Any) -> str | None:
    return code.upper() if isinstance(code, str) and len(code) == 2 and code.isalpha() else None


def _coarse(name: str, value: Any, kind: str, now: int) -> str | None:
    """Coarsen a merge field's value by its type and its name: of an address its country, of a date its year, of a date of birth
    an age band; what reaches a person is dropped."""
    if kind == "address" or isinstance(value, dict):
        return _country(value.get("country")) if isinstance(value, dict) else None
    if value is None or value == "" or kind in ("phone", "smsphone", "email", "url", "imageurl", "birthday"):
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if kind == "date" and not is_birth(name):
        return next((part for part in text.replace("/", "-").split("-") if len(part) == 4 and part.isdigit()), None)
    if kind == "zip":
        return region(text)
    return None if "@" in text else coarse(name, text, now)
