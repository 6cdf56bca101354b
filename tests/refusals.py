"""One shape of a vendor's refusal through a whole pull: what becomes of its stream, and of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx
import orjson

from persync.connect.pull import PullResult
from persync.errors import PersyncError

SECRET = "5ec7e7"
"""part of every secret in these tests: no message may hold it"""
ADDRESS = "ann@example.com"
"""an address that vendors quote in their messages: no message of ours may hold it"""


class Shape(NamedTuple):
    """What a vendor answers, and what has to come of it.

    `body` is bytes, JSON, or an exception of the network. `ends` tells an error that ends the connection, which says it once,
    from one that ends its stream alone.
    """

    name: str
    status: int
    body: Any
    error: type[PersyncError]
    what: str
    """how the sentence begins"""
    next_step: str
    """words of the hint"""
    request: str = ""
    """the vendor's own id of the call; "" where the shape has none"""
    headers: Mapping[str, str] = {}
    ends: bool = False
    state: str = "failed"

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a call in this shape."""
        if isinstance(self.body, Exception):
            raise self.body
        body = self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)
        return httpx.Response(self.status, headers=self.headers, content=body)


class Refusing(httpx.BaseTransport):
    """Answers the calls that `refused` picks in one shape, and passes the others on."""

    def __init__(self, inner: httpx.BaseTransport, refused: Callable[[httpx.Request], bool], shape: Shape) -> None:
        self.inner, self.refused, self.shape = inner, refused, shape

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self.refused(request):
            return self.inner.handle_request(request)
        request.read()
        return self.shape.answer(request)


def check(result: PullResult, shape: Shape, stream: str, where: str, *, kept: bool = False) -> None:
    """Hold a pull whose `stream` was refused against the shape; `where` is the place without the vendor's id of the call.

    `kept`: something of the stream came before the refusal.
    """
    states = {one.stream: one.state for one in result.streams}
    (found,) = [one for one in result.streams if one.stream == stream]
    error = result.errors[0] if shape.ends else found.error
    others = {state for name, state in states.items() if name != stream}

    assert type(error) is shape.error, error
    assert error.where == (f"{where}, request {shape.request}" if shape.request else where)
    assert error.what.startswith(shape.what), error.what
    assert error.hint
    assert shape.next_step in error.hint
    assert str(error) == f"{error.where}: {error.what} {error.hint}"
    assert SECRET not in str(error)
    assert ADDRESS not in str(error)
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 800
    assert len(result.errors) == shape.ends
    if shape.ends:
        assert result.exit_code != 0
        return
    # Nothing the vendor sends can stop the other streams.
    assert found.state == ("partial" if kept and shape.state == "failed" else shape.state)
    assert error.what in found.reason
    assert others == {"done"}
    assert result.exit_code == (0 if shape.state == "skipped" else 3)
