"""Mailchimp's own totals, each beside the SQL that counts the same in the store: what `persync reconcile` compares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from persync.connect.totals import Total
from persync.money import to_minor
from persync.rows import Action
from persync_mailchimp.dates import moment
from persync_mailchimp.member_rows import email_channel
from persync_mailchimp.records import Tracking
from persync_mailchimp.report_rows import CLAIM_MODEL
from persync_mailchimp.rows import untracked

if TYPE_CHECKING:
    from persync.connect.client import Client

__all__ = ["campaign_totals", "member_totals", "order_totals"]

LATEST = 100
"""campaigns whose counters are compared, those sent last"""
DELETED = 0.02
"""so much of a campaign's activity may be that of people who are deleted by now"""
CACHED = 0.01
"""counts of lists are some minutes old"""

_LOST = (
    "Mailchimp drops the activity of people who were deleted, but keeps counting it; what was stored stays. "
    "Of one person at most 1,000 opens and 1,000 clicks are told. A resend shows no activity at all. Else pull again."
)
_EVENTS = """
SELECT count(*) FROM touchpoints t JOIN campaign_keys k ON k.campaign_key = t.campaign_key
WHERE t.connection = :connection AND k.connection = :connection AND k.kind = 'id' AND k.key = :campaign AND t.action = :action
"""
_CLAIMED = """
SELECT c.amount_minor FROM claims c JOIN campaign_keys k ON k.campaign_key = c.campaign_key
WHERE c.connection = :connection AND k.connection = :connection AND k.kind = 'id' AND k.key = :campaign AND c.order_key = 0
AND c.model = :model ORDER BY c.number DESC LIMIT 1
"""
_MEMBERS = """
SELECT count(*) FROM consents c JOIN contacts p ON p.connection = c.connection AND p.key_id = c.key_id
WHERE c.connection = :connection AND c.channel = :channel AND c.state = :status AND coalesce(p.is_deleted, 0) = 0
AND NOT EXISTS (SELECT 1 FROM consents n WHERE n.connection = c.connection AND n.key_id = c.key_id AND n.channel = c.channel
AND n.number > c.number)
"""
_CLEANED = """
SELECT count(*) FROM contacts WHERE connection = :connection AND status = 'cleaned' AND coalesce(is_deleted, 0) = 0
"""
_ORDERS = """
SELECT count(*) FROM order_keys k JOIN orders o ON o.order_key = k.order_key
WHERE k.connection = :connection AND substr(k.vendor_order_id, 1, length(:store) + 1) = :store || ':'
"""


def campaign_totals(client: Client) -> Iterator[Total]:
    """Yield sends, opens, clicks, bounces, unsubscriptions, complaints and claimed revenue of the campaigns sent last."""
    wanted = "campaigns.id,campaigns.send_time,campaigns.tracking"
    asked = {"fields": wanted, "count": str(LATEST), "sort_field": "send_time", "sort_dir": "DESC"}
    sent = [one for one in client.get_json("campaigns", asked)["campaigns"] if one.get("send_time")]
    if not sent:
        return
    since = min((one["send_time"] for one in sent), key=lambda text: moment(text, "send_time") or 0)
    off: dict[str, str] = {one["id"]: untracked(one.get("tracking") or Tracking()) for one in sent}
    wanted = "id,type,emails_sent,bounces,opens.opens_total,clicks.clicks_total,unsubscribed,abuse_reports,ecommerce"
    fields = ",".join(f"reports.{name}" for name in wanted.split(","))
    reports = client.get_json("reports", {"fields": fields, "count": "1000", "since_send_time": since})["reports"]
    for report in reports:
        yield from _of_one(report, off.get(report["id"], ""))


def _of_one(report: dict[str, Any], off: str) -> Iterator[Total]:
    bounces = report["bounces"]
    is_automation = str(report.get("type") or "").startswith("auto")
    counts = {
        # Nobody tells when an automation mailed a person, so no sends are stored.
        Action.SEND: None if is_automation else report["emails_sent"],
        Action.OPEN: None if "o" in off else report["opens"]["opens_total"],
        Action.CLICK: None if "c" in off else report["clicks"]["clicks_total"],
        Action.BOUNCE: bounces["hard_bounces"] + bounces["soft_bounces"],
        Action.UNSUBSCRIBE: report.get("unsubscribed"),
        Action.COMPLAINT: report.get("abuse_reports"),
    }
    scope = f"campaign {report['id']}"
    for action, value in counts.items():
        if value is not None:
            params = {"campaign": report["id"], "action": int(action)}
            yield Total(_NAMES[action], scope, value, _EVENTS, params, tolerance=DELETED, hint=_LOST)
    ecommerce = report.get("ecommerce") or {}
    currency, revenue = ecommerce.get("currency_code"), ecommerce.get("total_revenue")
    if currency and revenue is not None:
        params = {"campaign": report["id"], "model": CLAIM_MODEL}
        hint = "Mailchimp credits orders anew for weeks: pull again."
        yield Total("claimed revenue", scope, to_minor(revenue, currency), _CLAIMED, params, currency=currency, hint=hint)


_NAMES = {
    Action.SEND: "sends",
    Action.OPEN: "opens",
    Action.CLICK: "clicks",
    Action.BOUNCE: "bounces",
    Action.UNSUBSCRIBE: "unsubscriptions",
    Action.COMPLAINT: "complaints",
}


def member_totals(client: Client) -> Iterator[Total]:
    """Yield members by status of each list; a person in two lists is a member of each.

    A consent does not tell who was cleaned from who was archived, and only an account of one list has a status a person.
    """
    lists = client.get_json("lists", {"fields": "lists.id,lists.stats", "count": "1000"})["lists"]
    hint = (
        "Counts of lists are some minutes old. A member deleted for good is noticed by the monthly pass: --stream all_members."
    )
    for one in lists:
        stats, scope = one.get("stats") or {}, f"list {one['id']}"
        for status, name in (("subscribed", "member_count"), ("unsubscribed", "unsubscribe_count")):
            params = {"channel": email_channel(one["id"]), "status": status}
            yield Total(f"{status} members", scope, stats.get(name), _MEMBERS, params, tolerance=CACHED, hint=hint)
        if len(lists) == 1:
            yield Total("cleaned members", scope, stats.get("cleaned_count"), _CLEANED, {}, tolerance=CACHED, hint=hint)


def order_totals(client: Client) -> Iterator[Total]:
    """Yield the number of orders of each connected store."""
    stores = client.get_json("ecommerce/stores", {"fields": "stores.id,stores.is_syncing", "count": "1000"})["stores"]
    for store in stores:
        page = client.get_json(f"ecommerce/stores/{store['id']}/orders", {"fields": "total_items", "count": "1"})
        hint = "The store is still being synced to Mailchimp: look again later." if store.get("is_syncing") else "Pull again."
        yield Total("orders", f"store {store['id']}", page["total_items"], _ORDERS, {"store": store["id"]}, hint=hint)
