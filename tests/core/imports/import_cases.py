"""What the tests of files share: one is written and read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from persync.errors import ImportFileError
from persync.imports.files import IMPORTERS
from persync.rows import (
    Row,
)

KINDS = {importer.kind: importer for importer in IMPORTERS}


Read = Callable[..., list[Row]]


def refusal(read: Read, kind: str, text: str, **more: object) -> str:
    with pytest.raises(ImportFileError) as caught:
        read(kind, text, **more)
    return str(caught.value)


ORDERS = "order,person,at,amount,currency\n"
