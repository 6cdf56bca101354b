"""A server of ready-made bytes, in a process of its own: 1 kB records, 1,000 a page, as Mailchimp shows members and sends.

    python bench/server.py MEMBERS CAMPAIGNS

prints its port, then serves until its standard input closes. Every campaign went to every member.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import orjson
import uvicorn

PAGE = 1000
LIST = "a1b2c3d4e5"
CHANGED_FROM = 1_735_689_600
"""2025-01-01, in seconds; members follow two seconds apart"""


def member(number: int) -> dict[str, Any]:
    """Make one member of about 1 kB, as the API sends it."""
    address = f"reader.{number}@example.com"
    digest = hashlib.md5(address.encode(), usedforsecurity=False).hexdigest()
    return {
        "id": digest,
        "email_address": address,
        "unique_email_id": digest[:10],
        "contact_id": hashlib.md5(digest.encode(), usedforsecurity=False).hexdigest(),
        "full_name": f"Reader {number}",
        "web_id": 100_000 + number,
        "email_type": "html",
        "status": "subscribed",
        "source": "Signup form",
        "language": "en",
        "vip": False,
        "member_rating": 3,
        "email_client": "Mail",
        "timestamp_signup": "2025-03-01T08:00:00+00:00",
        "timestamp_opt": "2025-03-01T08:01:00+00:00",
        "last_changed": datetime.fromtimestamp(CHANGED_FROM + 2 * number, UTC).isoformat(),
        "merge_fields": {"FNAME": "Reader", "LNAME": str(number), "PHONE": "", "COUNTRY": "DE", "AGEBAND": "30-44"},
        "stats": {"avg_open_rate": 0.31, "avg_click_rate": 0.04},
        "location": {"latitude": 0, "longitude": 0, "country_code": "DE", "timezone": "Europe/Berlin", "region": "BE"},
        "marketing_permissions": [{"marketing_permission_id": "f1e2d3c4b5", "text": "E-mail", "enabled": True}],
        "tags_count": 1,
        "tags": [{"id": 1 + number % 3, "name": f"tag {number % 3}"}],
        "list_id": LIST,
    }


def campaign_id(number: int) -> str:
    """Return a campaign's id: ten hex digits."""
    return f"c{number:09x}"


def sent(number: int) -> dict[str, Any]:
    """Make one line of a campaign's sent-to report, filled up to about 1 kB by the merge fields that it carries."""
    one = member(number)
    fields = {f"FIELD{i}": f"value {number} of field {i}" for i in range(20)}
    return {
        "email_id": one["id"],
        "email_address": one["email_address"],
        "merge_fields": {**one["merge_fields"], **fields},
        "vip": False,
        "status": "sent",
        "open_count": number % 4,
        "last_open": "2026-01-02T10:00:00+00:00" if number % 4 else "",
        "absplit_group": "",
        "gmt_offset": 1,
        "list_id": LIST,
        "list_is_active": True,
    }


def report(number: int, records: int) -> dict[str, Any]:
    """Make the campaign's report: nothing but sends, so that only sent-to is read under it."""
    nothing = {"opens_total": 0, "unique_opens": 0}
    return {
        "id": campaign_id(number),
        "type": "regular",
        "list_id": LIST,
        "send_time": f"2026-01-{number + 1:02}T10:00:00+00:00",
        "emails_sent": records,
        "abuse_reports": 0,
        "unsubscribed": 0,
        "bounces": {"hard_bounces": 0, "soft_bounces": 0, "syntax_errors": 0},
        "opens": nothing,
        "clicks": {"clicks_total": 0, "unique_clicks": 0, "unique_subscriber_clicks": 0},
    }


class Server:
    """The ASGI application."""

    def __init__(self, records: int, campaigns: int) -> None:
        self.members = [orjson.dumps(member(number)) for number in range(records)]
        self.sent = [orjson.dumps(sent(number)) for number in range(records)]
        none = {"total_items": 0}
        self.fixed = {
            "/3.0": {"account_id": "bench", "account_timezone": "UTC"},
            "/3.0/": {"account_id": "bench", "account_timezone": "UTC"},
            # Asked only for those whose opens are not measured: none.
            "/3.0/campaigns": {"campaigns": [], **none},
            "/3.0/lists": {"lists": [{"id": LIST, "name": "Bench", "double_optin": True}], "total_items": 1},
            "/3.0/reports": {"reports": [report(n, records) for n in range(campaigns)], "total_items": campaigns},
            f"/3.0/lists/{LIST}/merge-fields": {"merge_fields": [], **none},
            f"/3.0/lists/{LIST}/segments": {"segments": [], **none},
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            return
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        offset = int(query.get("offset", "0"))
        if scope["path"] == f"/3.0/lists/{LIST}/members":
            first = 0
            if "since_last_changed" in query:
                since = datetime.fromisoformat(query["since_last_changed"]).timestamp()
                first = max(0, math.ceil((since - CHANGED_FROM) / 2))
            body = _page(b"members", self.members, first + offset, len(self.members) - first)
        elif scope["path"].endswith("/sent-to"):
            body = _page(b"sent_to", self.sent, offset, len(self.sent))
        else:
            body = orjson.dumps(self.fixed[scope["path"]])
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _page(name: bytes, records: list[bytes], start: int, total: int) -> bytes:
    listed = b",".join(records[start : start + PAGE])
    return b'{"%s":[%s],"total_items":%d}' % (name, listed, total)


async def main() -> None:
    """Serve on a free loopback port until standard input closes."""
    config = uvicorn.Config(
        Server(int(sys.argv[1]), int(sys.argv[2])),
        host="127.0.0.1",
        port=0,
        log_level="error",
        access_log=False,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main())
