"""What HubSpot's CRM sends, as far as it is used. CRM values are strings or null: anything else there is a reject."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NotRequired

from typing_extensions import TypedDict

from persync.connect.stream import Context
from persync.rows import Row


class PortalDetails(TypedDict):
    """GET /account-info/V/details"""

    portalId: int
    timeZone: str
    companyCurrency: str


class PropertyOption(TypedDict):
    """One choice of a property that has a list of them."""

    value: str
    label: NotRequired[str | None]


class PropertyRecord(TypedDict):
    """One property of an object type."""

    name: str
    type: str
    label: NotRequired[str | None]
    dataSensitivity: NotRequired[str | None]
    options: NotRequired[list[PropertyOption] | None]


class StageMetadata(TypedDict):
    """Strings again: isClosed is "true" or "false", probability "1.0"."""

    isClosed: NotRequired[str | None]
    probability: NotRequired[str | None]


class PipelineStage(TypedDict):
    """A stage; v1 called its id stageId."""

    label: str
    metadata: StageMetadata
    id: NotRequired[str]
    stageId: NotRequired[str]


class Pipeline(TypedDict):
    """A pipeline with its stages; v1 called its id pipelineId."""

    label: str
    stages: list[PipelineStage]
    id: NotRequired[str]
    pipelineId: NotRequired[str]


class AssociatedId(TypedDict):
    """The other end of an association; the same id comes once for each label."""

    id: str


class AssociatedIds(TypedDict):
    """The first hundred or so."""

    results: list[AssociatedId]


class LinkedObject(TypedDict):
    """An id, and the ids of what belongs to it."""

    id: str
    associations: NotRequired[dict[str, AssociatedIds]]


class CrmObject(LinkedObject):
    """A contact, deal, order ...: an envelope around properties."""

    properties: dict[str, str | None]
    createdAt: str
    archived: NotRequired[bool]
    archivedAt: NotRequired[str | None]


Rows = Callable[[Any, Context], Iterator[Row]]
"""A row function."""


class Version(TypedDict):
    """A value that a property once had; null or empty when it was cleared."""

    value: str | None
    timestamp: str


class ContactHistory(TypedDict):
    """A contact with the former values of a property, newest first."""

    id: str
    propertiesWithHistory: NotRequired[dict[str, list[Version]]]


class ObjectId(TypedDict):
    """An id and nothing else."""

    id: str


class AssociatedObject(TypedDict):
    """The other end in a batch read; its id is a number in some answers and a string in others."""

    toObjectId: str | int


# In the functional form because "from" is no Python name.
ObjectAssociations = TypedDict("ObjectAssociations", {"from": ObjectId, "to": list[AssociatedObject]})
"""All objects of one kind that belong to one object."""
