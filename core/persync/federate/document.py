"""The file that a store gives away: what is in it, and what makes it one that can be believed.

Version 2. Every table has a total and, by an attribute, its groups; groups too small to show are in one cell `suppressed`, and
a cell lacks the measures that are of too few of its people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from persync.errors import DataError
from persync.store import private

FORMAT: Final = "persync-federate"
VERSION: Final = 2
PEOPLE_ARE: Final = (
    "People are counted in this store alone: somebody who is known to several stores is counted in each of them."
)
LEVEL: Final = "personalisation level"
"""stands where an attribute does, in the table of people by the highest level they received"""

Family = Literal["mail", "exposure", "money"]
MEASURES: Final[Mapping[Family, tuple[str, ...]]] = {
    "mail": (
        "people", "mailed", "personalised", "unclear", "clickers",
        "sends", "delivered", "clicks", "unsubscribes", "complaints",
    ),
    "exposure": ("mailed",),
    "money": ("payers", "buyers", "orders", "sales", "reversals", "refunds", "squares"),
}  # fmt: skip
"""{family: its measures}; the first of a family counts who a cell is about"""
LEVELLED: Final = ("personalised", "unclear")
"""measures of mail that are sums of the table by level; a file has both or neither"""
AMOUNTS: Final = ("sales", "reversals", "refunds")
PAYERS_OF: Final = {"sales": "sold_to", "reversals": "reversed_to", "refunds": "refunded_to"}
"""{amount: how many payers it is of}: what decides whether it may be given away, and is itself in no file"""
ONCE: Final = ("people", "mailed", "personalised", "unclear", "clickers", "payers", "buyers")
"""measures that count each person once at most"""

RARE: Final = ("unsubscribes", "complaints")
"""events of which hardly anybody has several: where noise is added a person counts for fewer of them than of others"""

FEWEST: Final = 5
"""no cell of fewer people is given away or added up, whatever a store's settings show on its own screen"""
LARGEST: Final = 10**40
"""no sum of squares of a shop's cents comes near"""
Whole = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
Cell = dict[str, Whole]
Name = Annotated[str, Field(max_length=200)]


class Part(BaseModel):
    """A part of the file: no more in it than is said here."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Table(Part):
    """The measures of a family, over everybody and by the groups of an attribute ("" = by none)."""

    family: Family
    attribute: Name = ""
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    total: Cell
    groups: dict[Name, Cell] = {}
    suppressed: Cell | None = None

    @property
    def key(self) -> tuple[Family, str, str]:
        """What makes it the same table in another file."""
        return self.family, self.attribute, self.currency


class RateSums(Part):
    """Sums over campaigns of a numerator y and a denominator x, their squares and products."""

    campaigns: Annotated[int, Field(ge=0)]
    y: Whole
    x: Whole
    yy: Whole
    xx: Whole
    xy: Whole


class ArmSums(Part):
    """What one arm did on one outcome: sums over its people. `successes` where every value is 0 or 1."""

    people: Annotated[int, Field(ge=1)]
    events: Annotated[int, Field(ge=0)]
    successes: Annotated[int, Field(ge=0)] | None = None
    total: Whole | float = 0
    squares: Whole | float = 0


class OutcomeSums(Part):
    """One outcome; `currency` where it is money, then in minor units."""

    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    reason: str | None = None
    arms: dict[Name, ArmSums]


class ExperimentSums(Part):
    """An experiment: how it is read, and the sums of its arms."""

    name: Name
    control: str | None
    holdout: bool
    since: int | None
    days: float | None
    planned: dict[Name, float]
    arms: dict[Name, Annotated[int, Field(ge=0)]]
    mixed: Annotated[int, Field(ge=0)] | None
    """people in several arms; None = some, but fewer than the floor"""
    outcomes: dict[Name, OutcomeSums]


class Noise(Part):
    """What was added: `epsilon` in all, one part of it for each of `parts` released numbers that a person has a share in."""

    epsilon: str
    parts: Annotated[int, Field(ge=1)]
    clip_events: Annotated[int, Field(ge=1)]
    clip_rare: Annotated[int, Field(ge=1)] | None = None
    """of `RARE` events; None in files of before, where they were clipped as all others"""
    clip_minor: dict[str, Annotated[int, Field(ge=1)]]
    measures: tuple[Name, ...] = ()
    """the measures that were asked for, and alone are in the file; none = all"""


class Export(Part):
    """What one store gives away. `period`: [from, to) in epoch ms, null = all there is; `floor`: fewest people of a cell.

    `store` is a keyed hash: the same for every export of a store, and nothing that can be turned back.
    """

    format: Literal["persync-federate"] = "persync-federate"
    version: int = VERSION
    persync: str
    store: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    made_at: int
    period: tuple[int, int] | None
    timezone: str
    basis: Literal["net", "gross"]
    floor: Annotated[int, Field(ge=1)]
    people: str = PEOPLE_ARE
    noise: Noise | None = None
    sets: tuple[str, ...]
    """the sets of measures that are in it"""
    attributes: tuple[str, ...] = ()
    """the attributes that the store holds, whether they are in it or not"""
    tables: tuple[Table, ...]
    rates: dict[Literal["delivery_rate", "platform_ctr", "unsubscribe_rate", "complaint_rate"], RateSums] = {}
    experiments: tuple[ExperimentSums, ...] = ()
    withheld: tuple[str, ...] = ()
    """what is not in it because it is of fewer people than `floor`, or makes no sums"""


def write(path: Path, export: Export) -> None:
    """Write the file, for its owner alone: who it goes to is theirs to say. Raise DataError when that cannot be done."""
    text = json.dumps(export.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
    try:
        private.replace(path, text.encode())
    except OSError as error:
        raise DataError(f"it cannot be written: {error.strerror}.", where=str(path), hint="Choose another place.") from None


def read(path: Path) -> Export:
    """Read a file and check it. Raise DataError when it is none, of another version, or its numbers contradict each other."""
    where = path.name
    try:
        given = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror}.", where=where) from None
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise DataError("it is no file of `persync federate export`.", where=where)
    if given.get("version") != VERSION:
        raise DataError(
            f"it is of version {str(given.get('version'))[:20]}, and this persync reads version {VERSION}.",
            where=where,
            hint="Export it again with the persync that merges it.",
        )
    try:
        export = Export.model_validate_json(json.dumps(given))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}.", where=where) from None
    if problem := next(_problems(export), None):
        raise DataError(f"{problem}.", where=where, hint="It was changed since it was exported: ask for it again.")
    return export


def _adds_up(measure: str, total: int, cells: Sequence[Cell]) -> bool:
    """Tell whether cells give the total; those that lack a measure, two or more, may have any part of what is left of it."""
    shown = [cell[measure] for cell in cells if measure in cell]
    lacking = len(cells) - len(shown)
    return sum(shown) <= total if lacking > 1 else not lacking and sum(shown) == total


def _problems(export: Export) -> Any:
    """Yield what cannot be of numbers that a store gave away."""
    if export.period is not None and export.period[0] >= export.period[1]:
        yield "the period ends before it begins"
    seen = set()
    asked = export.noise.measures if export.noise is not None else ()
    is_levelled = any(name in table.total for name in LEVELLED for table in export.tables if table.family == "mail")
    left_out = {*(() if is_levelled else LEVELLED), *(() if export.noise is None else ("squares",))}
    for table in export.tables:
        name = " ".join(filter(None, (table.family, table.attribute, table.currency)))
        if table.key in seen:
            yield f"{name}: the table is there twice"
        seen.add(table.key)
        wanted = {one for one in MEASURES[table.family] if one not in left_out and (not asked or one in asked)}
        cells = {**table.groups, **({"suppressed": table.suppressed} if table.suppressed is not None else {})}
        for group, cell in [("total", table.total), *cells.items()]:
            is_part = {MEASURES[table.family][0]} <= set(cell) <= wanted and export.noise is None
            if set(cell) != wanted and (group == "total" or not is_part):
                yield f"{name}, {group}: the measures are not those of the family"
                return
            if export.noise is None and (low := next((m for m, n in cell.items() if n < 0), None)):
                yield f"{name}, {group}: {low} is below zero"
        first = MEASURES[table.family][0]
        if export.noise is None and any(0 < cell[first] < export.floor for cell in [table.total, *cells.values()]):
            yield f"{name}: a cell is of fewer than {export.floor} people"
        counts = wanted - {*AMOUNTS, "squares"} if export.noise is None and len(cells) > 1 else set()
        if any(0 < cell.get(m, 0) < export.floor for cell in cells.values() for m in counts):
            yield f"{name}: a cell tells of fewer than {export.floor} of its people"
        if cells and not all(_adds_up(m, table.total[m], list(cells.values())) for m in wanted):
            yield f"{name}: the groups do not add up to the total"
    for experiment in export.experiments:
        if any(0 < n < export.floor for n in [*experiment.arms.values(), experiment.mixed or 0]):
            yield f"experiment {experiment.name}: an arm is of fewer than {export.floor} people"
        for outcome, sums in experiment.outcomes.items():
            for arm, one in sums.arms.items():
                people = experiment.arms.get(arm, 0)
                if one.people > people or one.events > one.people or (one.successes or 0) > one.people:
                    yield f"experiment {experiment.name}, {outcome}, {arm}: more than there are people"
                # Cauchy and Schwarz: no numbers have sums like these.
                elif one.successes is None and one.people * one.squares < one.total**2 * (1 - 1e-9):
                    yield f"experiment {experiment.name}, {outcome}, {arm}: sum and sum of squares do not fit"
