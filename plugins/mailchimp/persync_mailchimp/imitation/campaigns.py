"""What the imitated API says of campaigns and their content."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import Any

from starlette.requests import Request

from persync.sandbox.world import Message, World
from persync_mailchimp.dates import when
from persync_mailchimp.imitation.counts import Counts
from persync_mailchimp.imitation.query import DIRECTIONS, moment_of, one_of, page, within

__all__ = ["Campaigns", "campaign_status", "combination_id", "is_issue"]

_BLOCK = re.compile(r"<[^>]+>")


class Campaigns:
    """The campaigns of one world."""

    def __init__(self, world: World, counts: Counts) -> None:
        self.world = world
        self._counted = counts

    def hidden_automations(self) -> list[Message]:
        """Return the e-mails of classic automations, which stand among `/automations` alone."""
        return [m for m in self._counted.messages if m.kind.startswith("automation") and m.workflow is not None]

    def _is_listed(self, message: Message) -> bool:
        if message.kind.startswith("automation"):
            return message.workflow is None
        return not is_issue(message)

    def campaigns(self, request: Request) -> dict[str, Any]:
        """Answer `GET /campaigns`."""
        kind = one_of(request, "type", ("regular", "plaintext", "absplit", "rss", "variate"))
        status = one_of(request, "status", ("save", "paused", "schedule", "sending", "sent"))
        sort, direction = one_of(request, "sort_field", ("create_time", "send_time")), one_of(request, "sort_dir", DIRECTIONS)
        bounds = {name: moment_of(request, name) for name in ("since_send_time", "before_send_time")}
        created = {name: moment_of(request, name) for name in ("since_create_time", "before_create_time")}
        found = [
            message
            for message in self._counted.messages
            if self._is_listed(message)
            and (kind is None or message.kind == kind)
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
        return self.campaign(self._counted.message(campaign_id))

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
            "web_id": _web_id(message.id),
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
                "opens": "o" not in self._counted.off(message),
                "html_clicks": "c" not in self._counted.off(message),
                "text_clicks": False,
                "goal_tracking": False,
                "ecomm360": True,
                "google_analytics": "",
                "clicktale": "",
            },
            "delivery_status": {"enabled": False},
        }
        if message.sent_at is not None:
            found["report_summary"] = _summary(self._counted.report(message))
        if message.kind == "variate":
            found["variate_settings"] = _variate(message, self.world.shop_name)
        if message.kind == "absplit":
            found["ab_split_opts"] = {
                "split_test": "subject",
                "pick_winner": "opens",
                "wait_units": "hours",
                "wait_time": 4,
                "split_size": 50,
                "subject_a": message.subject,
                "subject_b": f"{message.subject}!",
            }
        if message.kind == "rss" and message.parent is None:
            found["rss_opts"] = {"feed_url": "https://shop.example.com/feed", "frequency": "weekly", "constrain_rss_img": False}
        if message.parent is not None:
            found["parent_campaign_id"] = message.parent
        found |= self._resends(message)
        return found

    def _resends(self, message: Message) -> dict[str, Any]:
        """Return what was sent again, and of what this is a repetition."""
        usage: dict[str, Any] = {}
        if message.parent is not None and message.kind == "regular":
            usage["original_campaign"] = {
                "id": message.parent,
                "web_id": _web_id(message.parent),
                "shortcut_type": "non_openers",
            }
        again = [m for m in self._counted.messages if m.parent == message.id and m.kind == "regular"]
        if again:
            usage["shortcut_campaigns"] = [
                {
                    "id": one.id,
                    "web_id": _web_id(one.id),
                    "shortcut_type": "non_openers",
                    "send_time": when(one.sent_at),
                    "status": campaign_status(one),
                }
                for one in again
            ]
        return {"resend_shortcut_usage": usage} if usage else {}

    def content(self, campaign_id: str) -> dict[str, Any]:
        """Answer `GET /campaigns/{campaign_id}/content`."""
        message = self._counted.message(campaign_id)
        text = _BLOCK.sub(" ", message.html).strip()
        return {"variate_contents": [], "plain_text": text, "html": message.html, "archive_html": message.html}


def _web_id(campaign_id: str) -> int:
    return 13_000_000 + int(campaign_id[-5:], 16)


def is_issue(message: Message) -> bool:
    """Say whether a message is one issue of an RSS campaign: such children are shown as sub-reports alone."""
    return message.kind == "rss" and message.parent is not None


def campaign_status(message: Message) -> str:
    """Return the vendor's word; an automation and an RSS campaign stay "sending" as long as they run."""
    if message.sent_at is None:
        return "save"
    return "sending" if message.kind.startswith("automation") or (message.kind == "rss" and not message.parent) else "sent"


def combination_id(message: Message, variant: str) -> str:
    """Return the id of a combination of a test, which its sub-report carries too."""
    return hashlib.sha256(f"{message.id}:{variant}".encode()).hexdigest()[:10]


def _variate(message: Message, sender: str) -> dict[str, Any]:
    variants = Counter(send.variant for send in message.sends if send.variant)
    combinations = [
        {
            "id": combination_id(message, variant),
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


def _summary(report: dict[str, Any]) -> dict[str, Any]:
    opens, clicks, ecommerce = report["opens"], report["clicks"], report["ecommerce"]
    return {
        "opens": opens["opens_total"],
        "unique_opens": opens["unique_opens"],
        "open_rate": opens["open_rate"],
        "clicks": clicks["clicks_total"],
        "subscriber_clicks": clicks["unique_subscriber_clicks"],
        "click_rate": clicks["click_rate"],
        "ecommerce": {name: ecommerce[name] for name in ("total_orders", "total_spent", "total_revenue")},
    }
