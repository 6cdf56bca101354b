"""Where a log comes from that HubSpot may move: how it is paged and what it takes to read it."""

from __future__ import annotations

from typing import Any, Protocol

from persync.connect.stream import Reader


class Source(Protocol):
    """What a stream needs of whatever it reads; how a record becomes rows is each log's own."""

    @property
    def record(self) -> Any:
        """The type of one record."""
        ...

    @property
    def reader(self) -> Reader:
        """How records are paged."""
        ...

    @property
    def path(self) -> str:
        """Where they are."""
        ...

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the token must be allowed to read."""
        ...

    @property
    def supported_until(self) -> str | None:
        """The day from which the vendor may refuse it, None when none was announced."""
        ...

    @property
    def unused(self) -> tuple[str, ...]:
        """Dotted fields of a record that nothing is made of."""
        ...
