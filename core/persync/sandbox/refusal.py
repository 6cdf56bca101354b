"""What a vendor answers when it refuses: a status and a body, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer without data. `body` is sent as JSON, a str as it is (`kind` then says what it is)."""

    status: int
    body: Any
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> bytes:
        """Return the body's bytes."""
        import orjson

        return self.body.encode() if isinstance(self.body, str) else orjson.dumps(self.body)
