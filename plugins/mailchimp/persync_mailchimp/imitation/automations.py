"""What the imitated API says of classic automations: workflows, and their e-mails, which are the campaigns."""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.requests import Request

from persync.sandbox.world import Message
from persync_mailchimp.dates import when
from persync_mailchimp.imitation.campaigns import Campaigns
from persync_mailchimp.imitation.query import LINKS, not_found, one_of, page

__all__ = ["Automations"]


class Automations:
    """The messages of an automation that names its workflow; without one it belongs to a customer journey."""

    def __init__(self, campaigns: Campaigns) -> None:
        self.campaigns = campaigns
        self.workflows: dict[str, list[Message]] = {}
        for message in sorted(campaigns.hidden_automations(), key=lambda m: (m.created_at, m.id)):
            self.workflows.setdefault(_identity(message), []).append(message)

    def page(self, request: Request) -> dict[str, Any]:
        """Answer `GET /automations`."""
        status = one_of(request, "status", ("save", "paused", "sending"))
        found = [key for key in self.workflows if status in (None, self._status(key))]
        return page(request, "automations", found, self._workflow)

    def emails(self, request: Request) -> dict[str, Any]:
        """Answer `GET /automations/{workflow_id}/emails`: all of them, this call knows no paging."""
        key = request.path_params["workflow_id"]
        if key not in self.workflows:
            raise not_found()
        messages = self.workflows[key]
        found = [{**self._email(key, number, message), "_links": LINKS} for number, message in enumerate(messages, 1)]
        return {"emails": found, "total_items": len(found)}

    def _status(self, key: str) -> str:
        return "sending" if any(message.sent_at is not None for message in self.workflows[key]) else "save"

    def _workflow(self, key: str) -> dict[str, Any]:
        messages = self.workflows[key]
        shown = [self.campaigns.campaign(message) for message in messages]
        begun = min((message.sent_at for message in messages if message.sent_at is not None), default=None)
        return {
            "id": key,
            "create_time": when(min(message.created_at for message in messages)),
            "start_time": when(begun),
            "status": self._status(key),
            "emails_sent": sum(campaign["emails_sent"] for campaign in shown),
            "recipients": {name: shown[0]["recipients"][name] for name in ("list_id", "list_is_active", "list_name")},
            "settings": {"title": messages[0].workflow, "from_name": "", "to_name": "", "reply_to": "shop@example.com"},
            "tracking": shown[0]["tracking"],
            "trigger_settings": {
                "workflow_type": _type(messages[0]),
                "workflow_title": messages[0].workflow,
                "workflow_emails_count": len(messages),
            },
        }

    def _email(self, key: str, position: int, message: Message) -> dict[str, Any]:
        shown = self.campaigns.campaign(message)
        action = "ecomm_abandoned_cart" if _type(message) == "abandonedCart" else "signup"
        kept = (
            "id",
            "web_id",
            "create_time",
            "archive_url",
            "status",
            "emails_sent",
            "content_type",
            "needs_block_refresh",
            "recipients",
            "settings",
            "tracking",
        )
        return {
            **{name: shown[name] for name in kept},
            "workflow_id": key,
            "position": position,
            "delay": {"amount": 1, "type": "day", "direction": "after", "action": action},
            "start_time": when(message.sent_at),
            "send_time": when(message.sent_at),
            "has_logo_merge_tag": False,
            **({"report_summary": shown["report_summary"]} if "report_summary" in shown else {}),
        }


def _identity(message: Message) -> str:
    return hashlib.sha256(f"workflow:{message.workflow}".encode()).hexdigest()[:10]


def _type(message: Message) -> str:
    return "abandonedCart" if "cart" in (message.workflow or "").lower() else "welcomeSeries"
