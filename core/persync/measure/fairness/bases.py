"""What may make groups: an attribute that is held on a stated basis. Without one there is no answer, and the reason is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from persync.coarse import needs_basis
from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.fairness import groups

NO_BASIS: Final = "no_basis"
HOW: Final = "Import it again with a column 'basis', or state one in [connections.NAME.attributes] and pull."


def unstated(engine: Engine, names: Sequence[str]) -> list[str]:
    """Return which of the attributes are in the store, none of them with a stated basis."""
    held = {str(row["name"]) for row in engine.rows("SELECT DISTINCT a.name AS name FROM attributes AS a")}
    bases = groups.basis(engine, groups.Groups(tuple(names)))
    return [name for name in dict.fromkeys(names) if name in held and not bases[name]]


def refuse(engine: Engine, names: Sequence[str]) -> None:
    """Raise ConfigError for an attribute that tells who somebody is (age, gender, place ...) and is held without a basis."""
    ends = "SELECT a.name AS name, MIN(a.value) AS low, MAX(a.value) AS high FROM attributes AS a GROUP BY a.name"
    bare = unstated(engine, names)
    for row in engine.rows(ends) if bare else ():
        name = str(row["name"])
        if name in bare and any(needs_basis(name, str(row[end] or "")) for end in ("low", "high")):
            raise ConfigError(f"'{name}' tells who somebody is, and no basis for holding it is stated.", hint=HOW)


def null(names: Sequence[str], bare: Sequence[str], decision: str | None = None) -> Estimate:
    """Return what is said in place of an assessment between groups of which the attributes `bare` have no basis."""
    id = "exposure_rate" if decision is None else "selection_rate"
    by = {"attribute": groups.Groups(tuple(names)).title, **({"decision": decision} if decision is not None else {})}
    named = " and ".join(f"'{name}'" for name in bare)
    note = f"{named} {'is' if len(bare) == 1 else 'are'} held without a stated basis"
    return rules.absent(id, NO_BASIS, by, unit="share", note=note)
