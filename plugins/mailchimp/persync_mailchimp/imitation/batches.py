"""Imitated batches: jobs that pass through every state, and archives of answers that lie elsewhere for a while."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from persync.sandbox.world import World
from persync_mailchimp.dates import when
from persync_mailchimp.imitation.query import Problem, invalid, not_found, page
from persync_mailchimp.imitation.quirks import Quirks

__all__ = ["RESULTS", "Batches", "xml_error"]

MOST_OPERATIONS = 1000
MOST_OPEN = 500
STATES = ("pending", "preprocessing", "started", "finalizing", "finished")
RESULTS = "/batch-results/"
"""where results lie; in truth a store of files at another host"""

Answer = Callable[[Request], tuple[int, bytes]]


@dataclass(slots=True)
class _Batch:
    id: str
    operations: list[dict[str, Any]]
    polls: int = 0
    links: int = 0
    statuses: list[int] = field(default_factory=list)

    @property
    def state(self) -> str:
        return STATES[min(self.polls, len(STATES) - 1)]


class Batches:
    """The batches of one account. `ask` answers a single call: its status and body."""

    def __init__(self, world: World, quirks: Quirks) -> None:
        self.world = world
        self.quirks = quirks
        self.routes: list[Route] = []
        self.ask: Answer = lambda request: (404, b"{}")
        self._known: dict[str, _Batch] = {}
        self._expiries, self._forgets = quirks.batch_expiries, quirks.batch_forgets

    def send(self, body: bytes) -> dict[str, Any]:
        """Answer `POST /batches`."""
        if self.quirks.batch_refused:
            raise Problem(403, "Forbidden", "Your role does not permit this operation.")
        try:
            operations = orjson.loads(body)["operations"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise invalid("operations", "This value should not be blank.") from None
        if not isinstance(operations, list) or not operations:
            raise invalid("operations", "This value should not be blank.")
        if len(operations) > MOST_OPERATIONS:
            raise invalid("operations", f"This collection should contain {MOST_OPERATIONS} elements or less.")
        if sum(batch.state != "finished" for batch in self._known.values()) >= MOST_OPEN:
            raise Problem(429, "Too Many Requests", f"You may only have {MOST_OPEN} pending batches.")
        number = len(self._known)
        batch = _Batch(hashlib.sha256(f"{self.world.secret}:batch:{number}".encode()).hexdigest()[:10], operations)
        self._known[batch.id] = batch
        return self._shown(batch, "")

    def page(self, request: Request) -> dict[str, Any]:
        """Answer `GET /batches`."""
        return page(request, "batches", list(self._known.values()), lambda batch: self._shown(batch, ""))

    def one(self, request: Request) -> dict[str, Any]:
        """Answer `GET /batches/{batch_id}`; each look finds the job one state further."""
        batch = self._known.get(request.path_params["batch_id"])
        if batch is None:
            raise not_found()
        if self._forgets:
            self._forgets -= 1
            del self._known[batch.id]
            raise not_found()
        batch.polls += 1
        if batch.state != "finished":
            return self._shown(batch, "")
        if not batch.statuses:
            batch.statuses = [self._run(operation)[0] for operation in batch.operations]
        batch.links += 1
        expires = "expired" if self._expiries else "good"
        self._expiries = max(0, self._expiries - 1)
        base = str(request.base_url).rstrip("/").replace("127.0.0.1", "localhost")
        return self._shown(batch, f"{base}{RESULTS}{batch.id}-response.tar.gz?link={batch.links}&x={expires}")

    def _shown(self, batch: _Batch, url: str) -> dict[str, Any]:
        done = batch.state in ("finalizing", "finished")
        return {
            "id": batch.id,
            "status": batch.state,
            "total_operations": 0 if batch.state in ("pending", "preprocessing") else len(batch.operations),
            "finished_operations": len(batch.operations) if done else 0,
            "errored_operations": sum(status >= 400 for status in batch.statuses),
            "submitted_at": when(self.world.now),
            "completed_at": when(self.world.now) if batch.state == "finished" else "",
            "response_body_url": url,
        }

    def result(self, request: Request) -> Response:
        """Answer for a result file: nothing but the link opens it, and a link is good for some minutes."""
        batch = self._known.get(request.path_params["name"].partition("-")[0])
        if "authorization" in request.headers:
            return xml_error(400, "InvalidArgument", "Only one auth mechanism allowed")
        if batch is None or request.query_params.get("x") != "good":
            return xml_error(403, "AccessDenied", "Request has expired")
        body = b"" if self.quirks.batch_empty else self._archive(batch)
        return Response(body, media_type="application/x-gzip")

    def _archive(self, batch: _Batch) -> bytes:
        results = []
        for operation in batch.operations:
            identity = str(operation.get("operation_id") or "")
            if identity in self.quirks.batch_losses:
                continue
            status, body = self._run(operation)
            results.append({"status_code": status, "operation_id": identity, "response": body.decode()})
        half = max(1, len(results) // 2)
        packed = BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            folder = tarfile.TarInfo(f"./{batch.id}/")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
            for number, part in enumerate((results[:half], results[half:])):
                text = orjson.dumps(part)
                file = tarfile.TarInfo(f"./{batch.id}/{number}.json")
                file.size = len(text)
                archive.addfile(file, BytesIO(text))
        return gzip.compress(packed.getvalue(), mtime=0)

    def _run(self, operation: Mapping[str, Any]) -> tuple[int, bytes]:
        if operation.get("operation_id") in self.quirks.batch_failures:
            return 500, orjson.dumps(
                {"title": "Internal Server Error", "status": 500, "detail": "", "type": "", "instance": ""}
            )
        if operation.get("method") != "GET":
            return 405, orjson.dumps({"title": "Method Not Allowed", "status": 405, "detail": "", "type": "", "instance": ""})
        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": f"/3.0/{str(operation.get('path', '')).lstrip('/')}",
            "query_string": urlencode(operation.get("params") or {}).encode(),
            "headers": [],
        }
        for route in self.routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                return self.ask(Request({**scope, **found}))
        return 404, orjson.dumps({"title": "Resource Not Found", "status": 404, "detail": "", "type": "", "instance": ""})


def xml_error(status: int, code: str, message: str) -> Response:
    """Return an error of the store of files, which speaks XML."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(text, status, media_type="application/xml")
