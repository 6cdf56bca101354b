"""How a mail's totals moved: the statistics of one mail at a time, cut into days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from persync.connect.readers import iso, picked
from persync.connect.stream import DAY_MS, Context, Request, Step, Token, Work
from persync.errors import RecordError
from persync.rows import CampaignRef, Row
from persync_hubspot import api, records_mail
from persync_hubspot.mail_rows import counters_of
from persync_hubspot.readers import NOTHING


def interval_rows(record: records_mail.StatisticInterval, at: Context) -> Iterator[Row]:
    """Yield what one mail's counters grew by within one interval; nothing for one in which nothing happened.

    The totals stand under the variant "start/end" of the interval, in ISO 8601, so that they are never taken for the mail's
    own. HubSpot counts people once in each interval: the days of a mail add up to more than its total.
    """
    found = record.get("aggregations") or record.get("aggregateStatistic")
    if not found:
        raise RecordError("an interval without statistics.", field="aggregations")
    if any(found["counters"].values()):
        interval = record["interval"]
        mail = CampaignRef(("id", at.params["email"]))
        yield counters_of(mail, found["counters"], variant=f"{interval['start']}/{interval['end']}")


@dataclass(frozen=True, slots=True)
class DailyStatistics:
    """The mails published in the last days, a page at a time, and then for each of them its statistics by day.

    An answer does not say which mails it counts, so each call asks for one, and its number goes along with the records.
    """

    days: int = 90
    limit: int = 100

    def start(self, work: Work) -> Token:
        return {"ids": []}

    def request(self, work: Work, token: Token) -> Request:
        since = iso(work.since if work.since is not None else work.until - self.days * DAY_MS)
        if token["ids"]:
            params = {
                "emailIds": token["ids"][0],
                "interval": "DAY",
                "startTimestamp": since,
                "endTimestamp": iso(work.until),
            }
            return Request(path=work.stream.path, params=params)
        params = {"limit": str(self.limit), "isPublished": "true", "publishedAfter": since, "includedProperties": "id"}
        return Request(path=api.EMAILS, params={**params, "after": token["after"]} if "after" in token else params)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if not token["ids"]:
            after, results = picked(body, "paging.next.after", "results")
            ids = [str(one["id"]) for one in results or ()]
            return Step(NOTHING, ("results",), _following(ids, after))
        return Step(body, ("results",), _following(token["ids"][1:], token.get("after")), params={"email": token["ids"][0]})

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


def _following(ids: list[str], after: str | None) -> Token | None:
    if not ids and not after:
        return None
    return {"ids": ids, "after": after} if after else {"ids": ids}
