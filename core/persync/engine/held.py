"""What of the attributes of people may be read: a value held on a stated basis, or one that needs none.

The rule stands where the mirror is written, so that whatever is asked of an engine, by whoever, in whichever text, keeps to
it. A value that may not be read leaves a row without one: its person and the name are known, and how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from persync.coarse import needs_basis
from persync.engine.batches import Reader

TABLE: Final = "attributes"
_STATED: Final = "(basis <> '' AND trim(basis) <> '')"


def readable(reader: Reader, table: str) -> Mapping[str, str]:
    """Return the SQL expressions that stand in place of a table's columns when it is mirrored, {column: expression}.

    Of an attribute whose basis is stated for some people, only their values are read. Where it is stated for nobody, values are
    read unless the attribute tells who somebody is (age, gender, place ...; see `coarse.needs_basis`).
    """
    withheld = _withheld(reader) if table == TABLE else []
    if not withheld:
        return {}
    names = ", ".join(map(_quoted, withheld))
    return {"value": f"CASE WHEN {_STATED} OR name NOT IN ({names}) THEN value END"}


def _withheld(reader: Reader) -> list[str]:
    """Return the attributes of which only values with a stated basis are read."""
    bare = reader.rows(f"SELECT DISTINCT name FROM attributes WHERE {_STATED} IS NOT 1")
    return [name for (name,) in sorted(bare) if _is_stated(reader, name) or _tells(reader, name)]


def _is_stated(reader: Reader, name: str) -> bool:
    """Tell whether a basis is stated for somebody's value of an attribute."""
    return bool(reader.rows(f"SELECT 1 FROM attributes WHERE name = {_quoted(name)} AND {_STATED} LIMIT 1"))


def _tells(reader: Reader, name: str) -> bool:
    """Tell whether an attribute says who somebody is: by its name, or else by one of its values."""
    if needs_basis(name):
        return True
    values = f"SELECT DISTINCT value FROM attributes WHERE name = {_quoted(name)} AND value IS NOT NULL"
    return any(needs_basis(name, str(value)) for (value,) in reader.rows(values))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
