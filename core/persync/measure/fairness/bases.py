"""What may make groups: an attribute that is held on a stated basis. Without one there is no answer, and the reason is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.fairness import groups

NO_BASIS: Final = "no_basis"


def unstated(engine: Engine, names: Sequence[str]) -> list[str]:
    """Return which of the attributes are in the store, none of them with a stated basis.

    One that tells who somebody is is refused by name wherever it is asked for, see `attributes.refuse`.
    """
    held = {str(row["name"]) for row in engine.rows("SELECT DISTINCT a.name AS name FROM attributes AS a")}
    bases = groups.basis(engine, groups.Groups(tuple(names)))
    return [name for name in dict.fromkeys(names) if name in held and not bases[name]]


def null(
    names: Sequence[str], bare: Sequence[str], decision: str | None = None, *, id: str = "", unit: str = "share"
) -> Estimate:
    """Return what is said in place of an assessment (of `id`) between groups of which the attributes `bare` have no basis."""
    id = id or ("exposure_rate" if decision is None else "selection_rate")
    by = {"attribute": groups.Groups(tuple(names)).title, **({"decision": decision} if decision is not None else {})}
    named = " and ".join(f"'{name}'" for name in bare)
    note = f"{named} {'is' if len(bare) == 1 else 'are'} held without a stated basis"
    return rules.absent(id, NO_BASIS, by, unit=unit, note=note)
