"""What the imitated API says of the account, the audience and its members."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections import Counter
from functools import cached_property, lru_cache
from typing import Any

from starlette.requests import Request

from persync.sandbox.world import SandboxPerson, World, mc_eid, tag_id
from persync_mailchimp.dates import when
from persync_mailchimp.imitation.counts import Counts
from persync_mailchimp.imitation.groups import Groups
from persync_mailchimp.imitation.query import DIRECTIONS, moment_of, not_found, one_of, page
from persync_mailchimp.imitation.quirks import Quirks

__all__ = ["Audience", "member_id"]

_STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
MOST_TAGS = 50
"""a member shows this many tags"""
_SORTS = ("timestamp_opt", "timestamp_signup", "last_changed")
_STANDARD_FIELDS = (("FNAME", "text", "First Name"), ("LNAME", "text", "Last Name"))


def member_id(email: str) -> str:
    """Return Mailchimp's id of a member: the MD5 of the lower-case address."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


class Audience:
    """The account and one audience. What is derived from the world is computed once."""

    def __init__(self, world: World, counts: Counts, groups: Groups, quirks: Quirks) -> None:
        self.world = world
        self.groups = groups
        self.quirks = quirks
        self._counted = counts

    # -- account ----------------------------------------------------------------------------------------------------

    def account(self) -> dict[str, Any]:
        """Answer `GET /`."""
        world = self.world
        return {
            "account_id": hashlib.sha256(f"{world.secret}:account".encode()).hexdigest()[:25],
            "login_id": "1",
            "account_name": world.shop_name,
            "email": "owner@example.com",
            "first_name": "",
            "last_name": "",
            "username": "owner",
            "role": "owner",
            "member_since": when(min((p.created_at for p in world.people.values()), default=world.now)),
            "pricing_plan_type": "monthly",
            "first_payment": "",
            "account_timezone": world.timezone,
            "account_industry": "E-commerce",
            "contact": {
                "company": world.shop_name,
                "addr1": "",
                "addr2": "",
                "city": "",
                "state": "",
                "zip": "",
                "country": "",
            },
            "pro_enabled": False,
            "last_login": when(world.now),
            "total_subscribers": self._counts["subscribed"],
            "industry_stats": {"open_rate": 0.18, "bounce_rate": 0.005, "click_rate": 0.02},
        }

    # -- audience ---------------------------------------------------------------------------------------------------

    @cached_property
    def everybody(self) -> list[SandboxPerson]:
        """Return those whom Mailchimp knows."""
        return [person for person in self.world.people.values() if person.mailchimp_id is not None]

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(person.status for person in self.everybody)

    def one_list(self, list_id: str) -> dict[str, Any]:
        """Answer `GET /lists/{list_id}`."""
        self._known_list(list_id)
        world, counts = self.world, self._counts
        sent = [m.sent_at for m in self._counted.messages if m.sent_at is not None]
        return {
            "id": world.list_id,
            "web_id": 900_001,
            "name": world.list_name,
            "contact": {
                "company": world.shop_name,
                "address1": "",
                "address2": "",
                "city": "",
                "state": "",
                "zip": "",
                "country": "",
                "phone": "",
            },
            "permission_reminder": "",
            "use_archive_bar": True,
            "campaign_defaults": {
                "from_name": world.shop_name,
                "from_email": "shop@example.com",
                "subject": "",
                "language": "en",
            },
            "date_created": when(min((p.created_at for p in self.everybody), default=world.now)),
            "list_rating": 3,
            "email_type_option": False,
            "visibility": "prv",
            "double_optin": self._double_optin,
            "has_welcome": False,
            "marketing_permissions": self.groups.has_permissions,
            "modules": [],
            "stats": {
                "member_count": counts["subscribed"],
                "unsubscribe_count": counts["unsubscribed"],
                "cleaned_count": counts["cleaned"],
                "campaign_count": len(self._counted.messages),
                "campaign_last_sent": when(max(sent, default=None)),
                "merge_field_count": len(_STANDARD_FIELDS) + len(world.merge_field_types),
                "open_rate": 100 * self._counted.rate("opens"),
                "click_rate": 100 * self._counted.rate("clicks"),
            },
        }

    @cached_property
    def _double_optin(self) -> bool:
        return any(person.confirmed_opt_in for person in self.everybody)

    def _known_list(self, list_id: str) -> None:
        if list_id != self.world.list_id:
            raise not_found()

    def merge_fields(self, request: Request) -> dict[str, Any]:
        """Answer `GET /lists/{list_id}/merge-fields`."""
        list_id = request.path_params["list_id"]
        self._known_list(list_id)
        own = [(tag, kind, tag.capitalize()) for tag, kind in self.world.merge_field_types.items()]

        def render(numbered: tuple[int, tuple[str, str, str]]) -> dict[str, Any]:
            number, (tag, kind, name) = numbered
            return {
                "merge_id": number,
                "tag": tag,
                "name": name,
                "type": kind,
                "required": False,
                "default_value": "",
                "public": False,
                "display_order": number + 1,
                "options": {"size": 25},
                "help_text": "",
                "list_id": list_id,
            }

        return page(request, "merge_fields", list(enumerate([*_STANDARD_FIELDS, *own], 1)), render, list_id=list_id)

    def segments(self, request: Request) -> dict[str, Any]:
        """Answer `GET /lists/{list_id}/segments`: the tags."""
        list_id = request.path_params["list_id"]
        self._known_list(list_id)
        kind = one_of(request, "type", ("saved", "static", "fuzzy"))
        made = when(min((p.created_at for p in self.everybody), default=self.world.now))

        def render(tag: tuple[str, int]) -> dict[str, Any]:
            name, members = tag
            return {
                "id": tag_id(name),
                "name": name,
                "member_count": members,
                "type": "static",
                "created_at": made,
                "updated_at": made,
                "list_id": list_id,
            }

        tags = [] if kind in ("saved", "fuzzy") else sorted(Counter(t for p in self.everybody for t in p.tags).items())
        return page(request, "segments", tags, render, list_id=list_id)

    # -- members ----------------------------------------------------------------------------------------------------

    def members(self, request: Request) -> dict[str, Any]:
        """Answer `GET /lists/{list_id}/members`; without `status` the archived are left out."""
        list_id = request.path_params["list_id"]
        self._known_list(list_id)
        status = one_of(request, "status", _STATUSES)
        sort, direction = one_of(request, "sort_field", _SORTS), one_of(request, "sort_dir", DIRECTIONS)
        since, before = moment_of(request, "since_last_changed"), moment_of(request, "before_last_changed")
        moments, found = self._by_change(status)
        found = found[
            0 if since is None else bisect_right(moments, since) : len(found)
            if before is None
            else bisect_left(moments, before)
        ]
        found = self._narrowed(request, found)
        if sort is None:
            found = sorted(found, key=lambda person: person.number)
        elif sort != "last_changed":
            found = sorted(found, key=lambda person: person.created_at)
        if sort is not None and direction == "DESC":
            found = found[::-1]
        return page(request, "members", found, self.member, list_id=list_id)

    def _narrowed(self, request: Request, found: list[SandboxPerson]) -> list[SandboxPerson]:
        opted_since, opted_before = moment_of(request, "since_timestamp_opt"), moment_of(request, "before_timestamp_opt")
        eid = request.query_params.get("unique_email_id")
        if opted_since is not None:
            found = [p for p in found if p.created_at > opted_since]
        if opted_before is not None:
            found = [p for p in found if p.created_at < opted_before]
        if eid is not None:
            found = [p for p in found if mc_eid(p.email) == eid]
        return found

    @cached_property
    def _changes(self) -> dict[str | None, tuple[list[int], list[SandboxPerson]]]:
        return {}

    def _by_change(self, status: str | None) -> tuple[list[int], list[SandboxPerson]]:
        """Return members in the order of their last change, with the moments beside them."""
        if status not in self._changes:
            wanted = [p for p in self.everybody if (p.status != "archived" if status is None else p.status == status)]
            wanted.sort(key=lambda p: (last_changed(p), p.number))
            self._changes[status] = ([last_changed(p) for p in wanted], wanted)
        return self._changes[status]

    def one_member(self, request: Request) -> dict[str, Any]:
        """Answer `GET /lists/{list_id}/members/{subscriber_hash}`."""
        self._known_list(request.path_params["list_id"])
        person = self._by_member_id.get(request.path_params["member_id"])
        if person is None:
            raise not_found()
        return self.member(person)

    @cached_property
    def _by_member_id(self) -> dict[str, SandboxPerson]:
        return {member_id(person.email): person for person in self.everybody}

    def member(self, person: SandboxPerson) -> dict[str, Any]:
        """Return a member as the API shows one."""
        # Who confirmed signed up on a form; everybody else was imported, and an imported member has no sign-up.
        joined = when(person.created_at)
        return {
            "id": member_id(person.email),
            "email_address": person.email,
            "unique_email_id": mc_eid(person.email),
            **({} if self.quirks.no_contact_ids else {"contact_id": person.mailchimp_id}),
            "full_name": f"{person.first_name} {person.last_name}".strip(),
            "web_id": 540_000_000 + person.number,
            "email_type": "html",
            "status": person.status,
            **({"unsubscribe_reason": "N/A"} if person.status == "unsubscribed" else {}),
            "consents_to_one_to_one_messaging": True,
            "merge_fields": self.merge_values(person),
            "interests": self.groups.chosen(person),
            "stats": {
                "avg_open_rate": self._counted.rate("opens", person.number),
                "avg_click_rate": self._counted.rate("clicks", person.number),
            },
            "ip_signup": "",
            "timestamp_signup": joined if person.confirmed_opt_in else "",
            "ip_opt": "203.0.113.10",
            "timestamp_opt": "" if person.status == "pending" else joined,
            "member_rating": 2,
            "last_changed": when(last_changed(person)),
            "language": person.language,
            "vip": False,
            "email_client": "",
            "location": {
                "latitude": 0,
                "longitude": 0,
                "gmtoff": 0,
                "dstoff": 0,
                "country_code": person.merge_fields.get("COUNTRY", person.country),
                "timezone": "",
                "region": "",
            },
            "source": "Embed Form" if person.confirmed_opt_in else "Import",
            "tags_count": len(person.tags),
            "tags": [{"id": tag_id(tag), "name": tag} for tag in person.tags[:MOST_TAGS]],
            "list_id": self.world.list_id,
            **({"marketing_permissions": self.groups.permissions(person)} if self.groups.has_permissions else {}),
        }

    def merge_values(self, person: SandboxPerson) -> dict[str, Any]:
        """Return the merge fields of a member: every field of the audience, "" where nothing is known."""
        values: dict[str, Any] = {"FNAME": person.first_name, "LNAME": person.last_name}
        for tag, kind in self.world.merge_field_types.items():
            value = person.merge_fields.get(tag, "")
            if kind == "address" and value:
                # An object when it is filled in, "" when it is not.
                value = {"addr1": "", "addr2": "", "city": "", "state": "", "zip": "", "country": value}  # type: ignore[assignment]
            values[tag] = _as_number(value) if kind == "number" else value
        return values


def last_changed(person: SandboxPerson) -> int:
    """Return when a member's record last changed, in whole seconds as the API tells it (epoch ms)."""
    return max(person.updated_at, person.status_changed_at or 0) // 1000 * 1000


@lru_cache(maxsize=100_000)
def _as_number(value: str) -> Any:
    try:
        found = float(value)
    except ValueError:
        return value
    return int(found) if found.is_integer() else found
