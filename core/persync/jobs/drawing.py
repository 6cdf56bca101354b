"""Drawing the arms of an experiment by lot."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from persync.errors import ConfigError, nearest
from persync.measure.metric import Experiment
from persync.store.derive import derive
from persync.store.log import append
from persync.store.store import Store
from persync.store.write import Writer, mark_dirty

_UNIT: Final = float(2**64)


@dataclass(frozen=True, slots=True)
class Drawn:
    """How many people each arm has after a draw, and how many of them are new."""

    sizes: Mapping[str, int]
    new: Mapping[str, int]


def shares_of(experiment: Experiment) -> dict[str, float]:
    """Return the planned share of each arm, sorted by name. Raise ConfigError unless there are two and they add up to 1."""
    planned = dict(sorted(experiment.planned_shares.items()))
    where = f"[experiments.{experiment.name}]"
    if experiment.tags:
        raise ConfigError(
            "its arms are tags that somebody else gave.", where=where, hint="Take out tags to have it drawn here."
        )
    if len(planned) < 2:
        hint = "Write planned_shares = { treated = 0.9, control = 0.1 }."
        raise ConfigError("the arms and their shares are missing.", where=where, hint=hint)
    if abs(sum(planned.values()) - 1) > 1e-9:
        raise ConfigError(f"the planned shares add up to {sum(planned.values()):g}, not to 1.", where=where)
    if experiment.control is not None and experiment.control not in planned:
        hint = nearest(experiment.control, list(planned))
        raise ConfigError(f"the control '{experiment.control}' has no planned share.", where=where, hint=hint)
    return planned


def place(salt: str, experiment: str, person_hash: int) -> float:
    """Return where in [0, 1) a person falls: the first 64 bits of SHA-256 of salt, experiment and the person's stored hash."""
    digest = hashlib.sha256(f"{salt}\0{experiment}\0{person_hash}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _UNIT


def arm_at(shares: Mapping[str, float], where: float) -> str:
    """Return the arm whose stretch of [0, 1) holds a place."""
    for arm, end in zip(shares, accumulate(shares.values()), strict=True):
        if where < end:
            return arm
    return list(shares)[-1]  # rounding of the shares' sum


def salt_of(store: Store, experiment: str, given: str | None) -> str:
    """Return the salt of an experiment: the setting, else the one the store keeps, made at the first draw."""
    if given:
        return given
    name = f"salt {experiment}"
    with store.transaction() as db:
        db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, secrets.token_hex(16)))
        return str(db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0])


def assign(
    store: Store,
    experiment: Experiment,
    people: Sequence[int],
    *,
    salt: str,
    now: int,
    aliases: Mapping[str, str] | None = None,
    keep: bool = True,
) -> Drawn:
    """Draw those of `people` who are in no arm yet. Whoever is in one stays there, whatever shares and salt say now. Without
    `keep` nobody is drawn: it only counts.
    """
    shares = shares_of(experiment)
    connection = Writer(store, "files", "files", now=now).connection
    new = dict.fromkeys(shares, 0)
    with store.transaction() as db:
        hashes = dict(db.execute("SELECT key_id, hash FROM person_of"))
        drawn = {
            person
            for (person,) in db.execute(
                "SELECT coalesce(p.person, a.key_id) FROM assignments a LEFT JOIN person_of p USING (key_id)"
                " WHERE a.experiment = ?",
                (experiment.name,),
            )
        }
        lines = []
        for person in people:
            if person not in drawn and person in hashes:
                arm = arm_at(shares, place(salt, experiment.name, hashes[person]))
                new[arm] += 1
                lines.append((connection, experiment.name, person, arm, now, shares[arm]))
        if lines and keep:
            db.executemany("INSERT INTO assignments VALUES (?, ?, ?, ?, ?, ?)", lines)
            mark_dirty(db, "assignments")
            append(db, None, now, "experiment drawn", f"{experiment.name}: {len(lines)} people")
        counted = db.execute(
            "SELECT arm, count(*) FROM assignments WHERE experiment = ? GROUP BY arm ORDER BY arm", (experiment.name,)
        )
        sizes = {str(arm): int(count) for arm, count in counted}
    if keep:
        derive(store, aliases=aliases)
    return Drawn({**dict.fromkeys(shares, 0), **sizes}, new)
