"""How HubSpot pages, where the common readers do not know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from persync.connect.readers import picked
from persync.connect.stream import Request, Step, Token, Work
from persync.errors import ResponseError

MODELS = (
    "LINEAR",
    "FIRST_INTERACTION",
    "LAST_INTERACTION",
    "FULL_PATH",
    "U_SHAPED",
    "W_SHAPED",
    "TIME_DECAY",
    "J_SHAPED",
    "INVERSE_J_SHAPED",
)
"""HubSpot's attribution models; the first is its default."""

NOTHING = b'{"results":[]}'
"""A page of no records: for answers that only say what to ask next."""


@dataclass(frozen=True, slots=True)
class ModelPages:
    """One call for each attribution model the settings name; the model goes along with the record."""

    def start(self, work: Work) -> Token:
        return {"model": 0}

    def request(self, work: Work, token: Token) -> Request:
        path = work.stream.path.format_map({name: quote(str(value), safe="") for name, value in work.parent.items()})
        return Request(path=path, params={"attributionModel": work.settings.claim_models[token["model"]]})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        models = work.settings.claim_models
        number = token["model"]
        following = {"model": number + 1} if number + 1 < len(models) else None
        return Step(body, (), following, single=True, params={"model": models[number]})

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


@dataclass(frozen=True, slots=True)
class OffsetTokenPages:
    """Pages of the v1 API: `hasMore` says whether to go on from the opaque `offset`, which comes on the last page too."""

    at: str
    limit: int = 100

    def start(self, work: Work) -> Token:
        return {}

    def request(self, work: Work, token: Token) -> Request:
        return Request(path=work.stream.path, params={"limit": str(self.limit), **token})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        more, offset = picked(body, "hasMore", "offset")
        if more and not offset:
            raise ResponseError("HubSpot says that there is more, and not where.", hint="Pull again later.")
        return Step(body, (self.at,), {"offset": str(offset)} if more else None)

    def continues(self, token: Token) -> bool:
        return "offset" in token

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None
