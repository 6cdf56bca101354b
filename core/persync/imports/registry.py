"""What comes with persync for the user's own files, offered through the same hooks as a plugin's."""

from __future__ import annotations

from collections.abc import Iterator

from persync import hookimpl
from persync.connect.connector import Connector
from persync.imports.importer import Importer


@hookimpl
def persync_importers() -> Iterator[Importer]:
    """Yield the importers that come with persync."""
    from persync.imports.files import IMPORTERS

    yield from IMPORTERS


@hookimpl
def persync_connectors() -> Iterator[type[Connector]]:
    """Yield the bundled connector that reads the user's own files at every pull."""
    from persync.imports.files import FilesConnector

    yield FilesConnector
