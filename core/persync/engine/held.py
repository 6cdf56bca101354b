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
_STATED: Final = "trim(coalesce(basis, '')) <> ''"


def readable(reader: Reader, table: str) -> Mapping[str, str]:
    """Return the SQL expressions that stand in place of a table's columns when it is mirrored, {column: expression}.

    Of an attribute whose basis is stated for some people, only their values are read. Where it is stated for nobody, values are
    read unless the attribute tells who somebody is (age, gender, place ...; see `coarse.needs_basis`).
    """
    withheld = _withheld(reader) if table == TABLE else []
    if not withheld:
        return {}
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in withheld)
    return {"value": f"CASE WHEN {_STATED} OR name NOT IN ({names}) THEN value END"}


def _withheld(reader: Reader) -> list[str]:
    """Return the attributes of which only values with a stated basis are read."""
    named = f"SELECT name, max({_STATED}) FROM attributes GROUP BY name HAVING NOT min({_STATED}) ORDER BY name"
    return [str(name) for name, stated in reader.rows(named) if stated or _tells(reader, str(name))]


def _tells(reader: Reader, name: str) -> bool:
    """Tell whether an attribute says who somebody is: by its name, or else by one of its values."""
    if needs_basis(name):
        return True
    quoted = name.replace("'", "''")
    values = f"SELECT DISTINCT value FROM attributes WHERE name = '{quoted}' AND value IS NOT NULL"
    return any(needs_basis(name, str(value)) for (value,) in reader.rows(values))
