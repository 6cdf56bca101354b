"""The door: who may ask, and what a browser may do with the answer.

The server is on the loopback address, which every program and every web page in a browser here can reach. So each request must
name this server (a name that was bent to 127.0.0.1 does not), must not come from another page, and must show the token.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
Refusal = Callable[[str, str, int, bool], Response]
"""makes an answer of a sentence, what to do, a status, and whether JSON is wanted"""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SESSION_S: Final = 12 * 3600
"""a working day; the token itself lasts as long as the server"""


class Guard:
    """Lets in requests of this very server's pages, and of programs that have the token."""

    def __init__(self, app: App, *, token: str, port: int, refuse: Refusal) -> None:
        self._app = app
        self._token = token
        self._cookie = f"persync_{port}"
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._origins = {f"http://{host}" for host in self._hosts}
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer a request, or have the pages answer it."""
        if scope["type"] != "http":
            return

        async def protected(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                # What is on the pages belongs to this shop: no proxy and no disk keeps it.
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._judge(scope)
        await (answer or self._app)(scope, receive, protected)

    def _judge(self, scope: Scope) -> Response | None:
        """Return why a request is refused, or where the token that it brings leads it; None lets it in."""
        headers = Headers(scope=scope)
        wants_json = str(scope["path"]).startswith("/api/")
        if wrong := self._stranger(headers):
            return self._refuse(wrong, "Open the address that `persync serve` printed.", 403, wants_json)
        if scope["method"] not in ("GET", "HEAD"):
            return self._refuse("The pages can only be read.", "Ask with GET.", 405, wants_json)
        query = parse_qsl(str(scope["query_string"], "latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if given:
            return self._entered(scope, query) if self._is_token(given[-1]) else self._unknown(wants_json)
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        shown = bearer.strip() if kind.lower() == "bearer" else cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        return None if self._is_token(shown) else self._unknown(wants_json)

    def _stranger(self, headers: Headers) -> str:
        """Return what is wrong with where a request says that it goes to, or comes from; "" for nothing."""
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return "This address is not the server's."
        origin = headers.get("origin")
        elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate"
        return "Another page asked for this." if elsewhere or origin not in (None, *self._origins) else ""

    def _is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode("utf-8", "replace"), self._token.encode())

    def _entered(self, scope: Scope, query: list[tuple[str, str]]) -> Response:
        """Put the token into a cookie and take it out of the address, where it would stay in the browser's history."""
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        answer = RedirectResponse(f"/{str(scope['path']).lstrip('/')}{f'?{rest}' if rest else ''}", 303)
        answer.set_cookie(self._cookie, self._token, max_age=SESSION_S, httponly=True, samesite="strict")
        return answer

    def _unknown(self, wants_json: bool) -> Response:
        return self._refuse(
            "The token is missing or wrong.",
            "Open the address that `persync serve` printed: it ends in the token, which is new at every start.",
            403,
            wants_json,
        )
