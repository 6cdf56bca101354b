"""The bundled `files` connector: the user's own CSV files, read at every pull when they changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from persync.connect.connector import ConnectionSettings, Connector
from persync.errors import ConfigError, nearest
from persync.imports.ads import ADS
from persync.imports.assignments import ASSIGNMENTS
from persync.imports.attributes import ATTRIBUTES
from persync.imports.audit import AUDIT
from persync.imports.batch import Batch
from persync.imports.consents import CONSENTS
from persync.imports.costs import COSTS
from persync.imports.csvfile import file_digest, read_batch
from persync.imports.decisions import DECISIONS
from persync.imports.importer import Importer, Stored
from persync.imports.orders import ORDERS
from persync.imports.outcomes import OUTCOMES
from persync.imports.people import PEOPLE
from persync.imports.sessions import SESSIONS
from persync.imports.social import SOCIAL
from persync.imports.surveys import SURVEYS
from persync.imports.touchpoints import TOUCHPOINTS
from persync.imports.wallet import WALLET
from persync.imports.work_time import TIME

if TYPE_CHECKING:
    from persync.connect.client import Client

IMPORTERS: tuple[Importer, ...] = (
    COSTS,
    TOUCHPOINTS,
    ORDERS,
    ASSIGNMENTS,
    OUTCOMES,
    ATTRIBUTES,
    DECISIONS,
    CONSENTS,
    SESSIONS,
    SOCIAL,
    TIME,
    ADS,
    SURVEYS,
    AUDIT,
    WALLET,
    PEOPLE,
)


class UserFile(BaseModel):
    """One file of the user's and what is in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    path: str
    """relative to the folder of persync.toml"""


class FilesSettings(ConnectionSettings):
    """Settings of a `files` connection."""

    files: tuple[UserFile, ...] = ()
    folder: Path = Path()
    """the folder that paths are relative to; filled with the project's own"""


class FilesConnector(Connector):
    """Reads the user's own CSV files.

    `importers`, `connections` (the names a `CONNECTION:ID` may use; None = any) and `stored` (what is there already;
    None = not asked) are set by whoever knows the project.
    """

    name = "files"
    title = "Your own CSV files"
    settings_type = FilesSettings
    workers = 1
    help = 'Needs no token: list the files under [connections.NAME] files = [{kind = "costs", path = "costs.csv"}].'

    importers: Mapping[str, Importer]
    own: ClassVar[Mapping[str, Importer]] = {importer.kind: importer for importer in IMPORTERS}

    def __init__(self, connection: str, settings: Any, secrets: Mapping[str, str]) -> None:
        super().__init__(connection, settings, secrets)
        self.importers = self.own
        self.connections: Collection[str] | None = None
        self.stored: Stored | None = None

    def base_url(self) -> str:
        """There is no API to call."""
        raise ConfigError("a files connection has no address to call.", where=self.connection)

    def check(self, client: Client) -> Iterator[tuple[str, str]]:
        """Read every file as a pull would, keeping nothing: not even for the next file, so none is held against the store."""
        for file in self.settings.files:
            batch = read_batch(self._path(file), self._importer(file), name=file.path, connections=self.connections)
            yield file.path, f"{batch.count} lines of {file.kind}"

    def batches(self, seen: Mapping[str, str]) -> Iterator[Batch]:
        """Yield one batch for each file whose digest is not the one in `seen` ({path: digest})."""
        for file in self.settings.files:
            importer = self._importer(file)
            if seen.get(file.path) != file_digest(self._path(file), file.path):
                yield read_batch(self._path(file), importer, name=file.path, connections=self.connections, stored=self.stored)

    def _path(self, file: UserFile) -> Path:
        return Path(self.settings.folder) / file.path

    def _importer(self, file: UserFile) -> Importer:
        if file.kind not in self.importers:
            hint = nearest(file.kind, sorted(self.importers))
            raise ConfigError(f"'{file.kind}' is no kind of file.", where=f"[connections.{self.connection}] files", hint=hint)
        return self.importers[file.kind].of(self.settings.attributes)
