"""The properties of contacts, read so that a misspelt attribute is noticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from typing_extensions import TypedDict

from persync.connect.stream import Request, Step, Token, Work
from persync.errors import ResponseError
from persync_hubspot.association_readers import read_as
from persync_hubspot.properties import unknown

SENSITIVITIES = ("non_sensitive", "sensitive", "highly_sensitive")
"""What the properties endpoint can be asked for; it lists only the first unasked."""


class _Name(TypedDict):
    name: str


class _Named(TypedDict):
    results: list[_Name]


@dataclass(frozen=True, slots=True)
class PropertyPages:
    """The properties of contacts; then, when an attribute opted in to is not among them, the sensitive ones.

    HubSpot ignores a name it does not know without a word, which would leave a column of nulls. So a name that is nowhere
    ends the stream with an error that says which.
    """

    def start(self, work: Work) -> Token:
        return {"level": 0}

    def request(self, work: Work, token: Token) -> Request:
        level = token["level"]
        return Request(path=work.stream.path, params={"dataSensitivity": SENSITIVITIES[level]} if level else {})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        known = {one["name"] for one in read_as(_Named, body)["results"]}
        level = token["level"] + 1
        if level == 1:
            lacking = {name: unknown([name], known)[0] for name in work.settings.attributes if name not in known}
        else:
            lacking = {name: said for name, said in token["lacking"].items() if name not in known}
        following = {"level": level, "lacking": lacking} if lacking and level < len(SENSITIVITIES) else None
        if lacking and following is None:
            raise ResponseError(" ".join(lacking.values()), hint="Correct the name under attributes in persync.toml.")
        return Step(body, ("results",), following, params={"sensitivity": SENSITIVITIES[level - 1]})

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None
