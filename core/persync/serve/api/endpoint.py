"""The addresses of /api/v1: answers and errors as JSON, and a list of all there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from persync import __version__
from persync.errors import UnknownNameError, nearest
from persync.redact import inert, redacted
from persync.report.render.estimates import document, finite
from persync.serve.api.answers import ANSWERS, ROOT, Answer
from persync.serve.api.params import Asked, Param, asked_in
from persync.serve.pages import said, status_of

if TYPE_CHECKING:
    from persync.serve.api.exporting import Pieces
    from persync.serve.site import Site

JSON: Final = "application/json; charset=utf-8"
SAID: Final = "Persync-Said"
"""the header that holds what a command says on stderr beside its answer: a JSON list of sentences"""


def routes(site: Site) -> Iterator[Route]:
    """Yield the routes of /api/v1, and of all below /api that there is not."""
    yield Route(ROOT, _endpoint(site, index))
    yield Route(f"{ROOT}/", _endpoint(site, index))
    # What takes the rest of an address comes last: a definition's path must not be read as a name.
    for answer in sorted(ANSWERS, key=lambda one: ":path" in one.path):
        yield Route(f"{ROOT}{answer.path}", _endpoint(site, answer.make, answer.params))
    yield Route("/api", nothing)
    yield Route("/api/{rest:path}", nothing)


def _endpoint(
    site: Site, make: Callable[[Site, Asked], str | Pieces], params: Sequence[Param] = ()
) -> Callable[[Request], Response]:
    def answering(request: Request) -> Response:
        try:
            asked = asked_in(request, params)
            answer = _response(make(site, asked))
        except Exception as error:  # a metric of a plugin may fail in any way
            return problem(*said(error), _status(error, request))
        if asked.said:
            answer.headers[SAID] = json.dumps([redacted(inert(line)) for line in asked.said])
        return answer

    return answering


def _response(made: str | Pieces) -> Response:
    """Return an answer: a text lacks its line end, what comes in pieces is as it is, and closed though nobody hears it out."""
    if isinstance(made, str):
        return Response(made + "\n", media_type=JSON)
    return StreamingResponse(iter(made), media_type=JSON, background=BackgroundTask(made.close))


def _status(error: Exception, request: Request) -> int:
    """Return an error's status: an unknown name is a page that there is not where it stands in the path."""
    if isinstance(error, UnknownNameError) and error.name in map(str, request.path_params.values()):
        return 404
    return status_of(error)


def problem(what: str, hint: str, status: int) -> Response:
    """Return an error as JSON: what happened, and what to do."""
    body: dict[str, Any] = {"persync": __version__, "kind": "error", "error": {"what": what, "hint": hint or None}}
    return Response(json.dumps(finite(body), ensure_ascii=False) + "\n", status, media_type=JSON)


def index(site: Site, asked: Asked) -> str:
    """Return every address with its command and its parameters."""
    return document("api", map(_listed, ANSWERS))


def _listed(answer: Answer) -> dict[str, Any]:
    parameters = [
        {
            "name": one.name,
            "takes": one.words,
            "choices": list(one.choices) or None,
            "several": one.several,
            "default": one.default,
        }
        for one in answer.params
    ]
    return {
        "path": answer.shown,
        "command": f"persync {answer.command} --format json",
        "parameters": parameters,
        "heavy": answer.heavy or None,
    }


def nothing(request: Request) -> Response:
    """Say that there is no such address."""
    near = nearest(request.url.path, [one.shown for one in ANSWERS])
    return problem("there is no such address.", near if near.startswith("Did") else f"{ROOT} lists all.", 404)
