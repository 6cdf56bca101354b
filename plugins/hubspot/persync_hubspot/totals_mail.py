"""HubSpot's own statistics of its latest mails, beside the events that we hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from persync.connect.totals import Total
from persync.errors import SkipStreamError
from persync.rows import Action
from persync_hubspot import api

if TYPE_CHECKING:
    from persync.connect.client import Client

MAILS = 10
_PEOPLE = """WITH sends AS (
  SELECT o.campaign_key AS campaign_key FROM campaign_keys k
  JOIN campaign_of m ON m.campaign_key = k.campaign_key JOIN campaign_of o ON o.campaign_id = m.campaign_id
  WHERE k.connection = :connection AND k.kind = 'id' AND k.key = :mail)
SELECT count(DISTINCT t.key_id) FROM touchpoints t
WHERE t.connection = :connection AND t.campaign_key IN (SELECT s.campaign_key FROM sends s)
  AND t.action = :action AND coalesce(t.is_machine, 0) = 0"""
COUNTERS: Mapping[str, tuple[str, Action, float]] = {
    "sent": ("sent", Action.SEND, 0.01),
    "opens": ("open", Action.OPEN, 0.05),
    "clicks": ("click", Action.CLICK, 0.05),
    "unsubscribes": ("unsubscribed", Action.UNSUBSCRIBE, 0.05),
}
"""{what is counted: (HubSpot's counter, our action, what is no gap)}: opens and clicks go on while one looks."""
HINT = (
    "Events come in for two or three days: pull again. If it stays, see `persync status` for how far back events were read; "
    "with the account's bot filter off, HubSpot counts machines too."
)


def mail_totals(client: Client) -> Iterator[Total]:
    """Yield, for the mails changed last, how many people HubSpot counts and how many our events name. One call.

    HubSpot counts people, each once, and leaves out what its bot filter caught.
    """
    try:
        asked = {"limit": str(MAILS), "sort": "-updatedAt", "includeStats": "true", "isPublished": "true"}
        page = client.get_json(api.EMAILS, asked)
    except SkipStreamError as error:
        yield Total("e-mail statistics", "all", None, "SELECT count(*) FROM touchpoints", hint=error.what)
        return
    for mail in page["results"]:
        counters = (mail.get("stats") or {}).get("counters") or {}
        for name, (counter, action, tolerance) in COUNTERS.items():
            params = {"mail": str(mail["id"]), "action": int(action)}
            yield Total(name, f"mail {mail['id']}", counters.get(counter), _PEOPLE, params, tolerance=tolerance, hint=HINT)
