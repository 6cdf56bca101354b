"""The hooks: what a plugin may offer. Plural, prefixed; each yields typed, named values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pluggy

if TYPE_CHECKING:
    from pydantic import BaseModel

    from persync.attribution.models import AttributionModel
    from persync.connect.connector import Connector
    from persync.engine.engine import EngineType
    from persync.estimate import Estimate
    from persync.imports.importer import Importer
    from persync.measure.metric import Metric
    from persync.report.report import Section
    from persync.sandbox.refusal import Refusal
    from persync.sandbox.world import World

__all__ = [
    "Message",
    "Notifier",
    "Number",
    "Sandbox",
    "Trial",
    "persync_attribution_models",
    "persync_connectors",
    "persync_engines",
    "persync_importers",
    "persync_metrics",
    "persync_notifiers",
    "persync_report_sections",
    "persync_sandboxes",
]

hookspec = pluggy.HookspecMarker("persync")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """An imitation of one vendor's API over a world.

    `app(world)` returns an ASGI application to be mounted under `/<name>`; `settings(world, base_url)` the settings of a
    connection to it; `secrets(world)` the environment variables its connector looks for, with values it accepts.
    `refusal(kind, path)` returns what this vendor answers when a planned fault refuses a call (docs/sandbox.md), None where
    it says nothing of its own. `facts(world)` returns what a store must hold after a pull, `{query: whole number}`: the number
    of people, of orders, the sum of their money in minor units; `persync plugins check` holds the connector to it.
    """

    name: str
    connector: str
    app: Callable[[World], Any]
    settings: Callable[[World, str], Mapping[str, Any]]
    secrets: Callable[[World], Mapping[str, str]]
    refusal: Callable[[str, str], Refusal | None] = lambda kind, path: None
    facts: Callable[[World], Mapping[str, int]] = lambda world: {}


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a message: what it is, its value and interval in words, and how it stood before, "" where nobody knows.

    `estimate` is the same for machines, None where it could not be worked out.
    """

    title: str
    value: str
    interval: str = ""
    change: str = ""
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody is told. No text in it holds a name, an address or a secret, nor what moves a cursor.

    `status` is `ok`, `changed`, `alert` (a check did not hold), `failed` or `test`; `lines` say what happened, a sentence each,
    `span` of which days the numbers are.
    `text` and `html` are the whole of it, for those who show one or the other; `made_at` is epoch ms. `only` are the marks that
    a PartlySentError left of those who have not got it yet, () where it is for everybody.
    """

    job: str
    status: str
    subject: str
    verdict: str = ""
    numbers: tuple[Number, ...] = ()
    lines: tuple[str, ...] = ()
    span: str = ""
    link: str = ""
    text: str = ""
    html: str = ""
    made_at: int = 0
    attachments: tuple[Path, ...] = ()
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What a notifier is tried with: `settings` as of [notify.NAME], and `secrets`, {secret: value}; what those leave out is
    made up."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notifier:
    """A way to tell somebody.

    `send(settings, secrets, message)` raises PersyncError when it cannot, PartlySentError when it could for some alone; the
    message then comes again at later runs. `settings` is of `settings_type`, a pydantic model of what stands in [notify.NAME]
    besides `via` and `quiet` (None: nothing does). `secrets` names what must not stand there, {secret: default environment
    variable}; `send` gets the values that were found. `wants(settings)` names those of them that these settings use (None: all
    may be used): no scheduler is asked for another. `trial(folder, url)` returns settings, or a
    Trial where it takes secrets too, that lead into a folder or to a server on loopback, whichever it needs: with them
    `persync plugins check` sends, and has it refused. `url` leads to what `sink` names: http://... or smtp://...
    """

    name: str
    summary: str
    send: Callable[[Any, Mapping[str, str], Message], None]
    settings_type: type[BaseModel] | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    trial: Callable[[Path, str], Mapping[str, Any] | Trial] | None = None
    wants: Callable[[Any], Collection[str]] | None = None
    sink: Literal["http", "smtp"] = "http"


@hookspec
def persync_connectors() -> Iterable[type[Connector]]:
    """Yield the connectors this plugin offers."""


@hookspec
def persync_sandboxes() -> Iterable[Sandbox]:
    """Yield imitations of vendors' APIs that `persync sandbox serve` can serve."""


@hookspec
def persync_attribution_models() -> Iterable[AttributionModel]:
    """Yield attribution models."""


@hookspec
def persync_metrics() -> Iterable[Metric]:
    """Yield metrics."""


@hookspec
def persync_report_sections() -> Iterable[Section]:
    """Yield sections of the report."""


@hookspec
def persync_engines() -> Iterable[EngineType]:
    """Yield engines that run persync's SQL over the mirror."""


@hookspec
def persync_notifiers() -> Iterable[Notifier]:
    """Yield ways to tell somebody how a job ended."""


@hookspec
def persync_importers() -> Iterable[Importer]:
    """Yield importers of the user's own CSV files."""
