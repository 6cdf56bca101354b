"""What the imitated API says of the account, the audience, its members and the campaigns."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from starlette.requests import Request

from persync.sandbox.world import Message, SandboxPerson, World, mc_eid, tag_id
from persync_mailchimp.query import moment_of, not_found, one_of, page

__all__ = ["Imitation", "member_id", "when"]

_STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
_SORTS = ("timestamp_opt", "timestamp_signup", "last_changed")
_DIRECTIONS = ("ASC", "DESC")
_STANDARD_FIELDS = (("FNAME", "text", "First Name"), ("LNAME", "text", "Last Name"))
_BLOCK = re.compile(r"<[^>]+>")


def member_id(email: str) -> str:
    """Return Mailchimp's id of a member: the MD5 of the lower-case address."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def when(at: int | None) -> str:
    """Write epoch milliseconds as Mailchimp does; "" where there is no date."""
    return "" if at is None else datetime.fromtimestamp(at // 1000, UTC).isoformat()


class Imitation:
    """One world as Mailchimp shows it. What is derived from the world is computed once."""

    def __init__(self, world: World) -> None:
        self.world = world

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

    def lists(self, request: Request) -> dict[str, Any]:
        """Answer `GET /lists`."""
        return page(
            request, "lists", [self.world.list_id], self.one_list, constraints={"may_create": False, "max_instances": 1}
        )

    def one_list(self, list_id: str) -> dict[str, Any]:
        """Answer `GET /lists/{list_id}`."""
        self._known_list(list_id)
        world, counts = self.world, self._counts
        sent = [m.sent_at for m in self.messages if m.sent_at is not None]
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
            "marketing_permissions": False,
            "modules": [],
            "stats": {
                "member_count": counts["subscribed"],
                "unsubscribe_count": counts["unsubscribed"],
                "cleaned_count": counts["cleaned"],
                "campaign_count": len(self.messages),
                "campaign_last_sent": when(max(sent, default=None)),
                "merge_field_count": len(_STANDARD_FIELDS) + len(world.merge_field_types),
                "open_rate": 100 * self._rate("opens"),
                "click_rate": 100 * self._rate("clicks"),
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
        sort, direction = one_of(request, "sort_field", _SORTS), one_of(request, "sort_dir", _DIRECTIONS)
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
            "contact_id": person.mailchimp_id,
            "full_name": f"{person.first_name} {person.last_name}".strip(),
            "web_id": 540_000_000 + person.number,
            "email_type": "html",
            "status": person.status,
            **({"unsubscribe_reason": "N/A"} if person.status == "unsubscribed" else {}),
            "consents_to_one_to_one_messaging": True,
            "merge_fields": self.merge_values(person),
            "interests": {},
            "stats": {
                "avg_open_rate": self._rate("opens", person.number),
                "avg_click_rate": self._rate("clicks", person.number),
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
            "tags": [{"id": tag_id(tag), "name": tag} for tag in person.tags],
            "list_id": self.world.list_id,
        }

    def merge_values(self, person: SandboxPerson) -> dict[str, Any]:
        """Return the merge fields of a member: every field of the audience, "" where nothing is known."""
        values: dict[str, Any] = {"FNAME": person.first_name, "LNAME": person.last_name}
        for tag, kind in self.world.merge_field_types.items():
            value = person.merge_fields.get(tag, "")
            values[tag] = _as_number(value) if kind == "number" else value
        return values

    @cached_property
    def _engagement(self) -> dict[str, Counter[int]]:
        """Return per kind (sends, opens, clicks) how many messages each person got, opened, clicked; 0 is everybody."""
        counts: dict[str, Counter[int]] = {"sends": Counter(), "opens": Counter(), "clicks": Counter()}
        for message in self.messages:
            for send in message.sends:
                if send.status != "sent":
                    continue
                for kind, happened in (("sends", True), ("opens", bool(send.opens)), ("clicks", bool(send.clicks))):
                    if happened:
                        counts[kind][send.person] += 1
                        counts[kind][0] += 1
        return counts

    def _rate(self, kind: str, person: int = 0) -> float:
        # Not counts[person]: a Counter answers for whom it does not know by a slow way round.
        sends = self._engagement["sends"].get(person, 0)
        return self._engagement[kind].get(person, 0) / sends if sends else 0.0

    # -- campaigns --------------------------------------------------------------------------------------------------

    @cached_property
    def messages(self) -> list[Message]:
        """Return the messages of this platform, latest first as the vendor lists them."""
        mine = [message for message in self.world.messages if message.platform == "mailchimp"]
        return sorted(mine, key=lambda m: (-m.created_at, m.id))

    def message(self, campaign_id: str) -> Message:
        """Return the message of an id; raise the vendor's 404."""
        for message in self.messages:
            if message.id == campaign_id:
                return message
        raise not_found()

    def campaigns(self, request: Request) -> dict[str, Any]:
        """Answer `GET /campaigns`."""
        kind = one_of(request, "type", ("regular", "plaintext", "absplit", "rss", "variate"))
        status = one_of(request, "status", ("save", "paused", "schedule", "sending", "sent"))
        sort, direction = one_of(request, "sort_field", ("create_time", "send_time")), one_of(request, "sort_dir", _DIRECTIONS)
        bounds = {name: moment_of(request, name) for name in ("since_send_time", "before_send_time")}
        created = {name: moment_of(request, name) for name in ("since_create_time", "before_create_time")}
        found = [
            message
            for message in self.messages
            if (kind is None or message.kind == kind)
            and (status is None or campaign_status(message) == status)
            and within(message.sent_at, *bounds.values())
            and within(message.created_at, *created.values())
        ]
        if sort == "send_time":
            found.sort(key=lambda m: m.sent_at or 0)
        elif sort == "create_time":
            found.sort(key=lambda m: m.created_at)
        if sort is not None and direction == "DESC":
            found.reverse()
        return page(request, "campaigns", found, self.campaign)

    def one_campaign(self, campaign_id: str) -> dict[str, Any]:
        """Answer `GET /campaigns/{campaign_id}`."""
        return self.campaign(self.message(campaign_id))

    def campaign(self, message: Message) -> dict[str, Any]:
        """Return a campaign as the API shows one."""
        sent = sum(send.status != "dropped" for send in message.sends)
        recipients = {
            "list_id": self.world.list_id,
            "list_is_active": True,
            "list_name": self.world.list_name,
            "segment_text": "" if message.segment is None else "<p>Contacts that match the conditions</p>",
            "recipient_count": sent,
            **({} if message.segment is None else {"segment_opts": message.segment}),
        }
        found: dict[str, Any] = {
            "id": message.id,
            "web_id": 13_000_000 + int(message.id[-5:], 16),
            "type": message.kind,
            "create_time": when(message.created_at),
            "archive_url": "",
            "long_archive_url": "",
            "status": campaign_status(message),
            "emails_sent": sent,
            "send_time": None if message.sent_at is None else when(message.sent_at),
            "content_type": "template",
            "needs_block_refresh": False,
            "resendable": False,
            "recipients": recipients,
            "settings": {
                "subject_line": message.subject,
                "preview_text": "",
                "title": message.title,
                "from_name": self.world.shop_name,
                "reply_to": "shop@example.com",
                "use_conversation": False,
                "to_name": "*|FNAME|* *|LNAME|*",
                "folder_id": "",
                "authenticate": True,
                "auto_footer": False,
                "inline_css": False,
                "auto_tweet": False,
                "fb_comments": True,
                "timewarp": False,
                "template_id": 13,
                "drag_and_drop": False,
            },
            "tracking": {
                "opens": True,
                "html_clicks": True,
                "text_clicks": False,
                "goal_tracking": False,
                "ecomm360": True,
                "google_analytics": "",
                "clicktale": "",
            },
            "delivery_status": {"enabled": False},
        }
        if message.kind == "variate":
            found["variate_settings"] = _variate(message, self.world.shop_name)
        return found

    def content(self, campaign_id: str) -> dict[str, Any]:
        """Answer `GET /campaigns/{campaign_id}/content`."""
        message = self.message(campaign_id)
        text = _BLOCK.sub(" ", message.html).strip()
        return {"variate_contents": [], "plain_text": text, "html": message.html, "archive_html": message.html}


def last_changed(person: SandboxPerson) -> int:
    """Return when a member's record last changed, in whole seconds as the API tells it (epoch ms)."""
    return max(person.updated_at, person.status_changed_at or 0) // 1000 * 1000


def campaign_status(message: Message) -> str:
    """Return the vendor's word; an automation stays "sending" as long as it runs."""
    if message.sent_at is None:
        return "save"
    return "sending" if message.kind.startswith("automation") else "sent"


def within(at: int | None, since: int | None, before: int | None) -> bool:
    """Say whether a moment lies after `since` and before `before`; no moment is outside any bound."""
    if at is None:
        return since is None and before is None
    return (since is None or at > since) and (before is None or at < before)


def _variate(message: Message, sender: str) -> dict[str, Any]:
    variants = Counter(send.variant for send in message.sends if send.variant)
    combinations = [
        {
            "id": hashlib.sha256(f"{message.id}:{variant}".encode()).hexdigest()[:10],
            "subject_line": 0,
            "send_time": 0,
            "from_name": 0,
            "reply_to": 0,
            "content_description": number,
            "recipients": variants[variant],
        }
        for number, variant in enumerate(sorted(variants))
    ]
    return {
        "winner_criteria": "clicks",
        "wait_time": 240,
        "test_size": 100,
        "subject_lines": [message.subject],
        "send_times": [when(message.sent_at)],
        "from_names": [sender],
        "reply_to_addresses": ["shop@example.com"],
        "contents": sorted(variants),
        "combinations": combinations,
    }


@lru_cache(maxsize=100_000)
def _as_number(value: str) -> Any:
    try:
        found = float(value)
    except ValueError:
        return value
    return int(found) if found.is_integer() else found
