"""Drawing the arms of an experiment by lot, and handing an arm to a platform without keeping anybody's address."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

from persync.errors import ConfigError, DataError, nearest
from persync.measure.metric import Experiment
from persync.report.safe import spreadsheet
from persync.store.derive import derive
from persync.store.gone import stored_keys
from persync.store.log import append
from persync.store.store import Store
from persync.store.write import Writer, mark_dirty

ADDRESS_COLUMNS: Final = ("email address", "email", "e-mail", "e-mail address", "email_address", "contact email")
ID_COLUMNS: Final = {"hubspot": "Record ID", "shopify": "Customer ID"}
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


def platform_ids(store: Store, experiment: str, arm: str, connection: str) -> list[str]:
    """Return the platform's own ids of an arm's people, by a connection; they are stored as they are. Sorted."""
    rows = store.db.execute(
        "SELECT DISTINCT k.key FROM assignments a LEFT JOIN person_of p ON p.key_id = a.key_id"
        " JOIN person_of o ON o.person = coalesce(p.person, a.key_id) JOIN person_keys k ON k.key_id = o.key_id"
        " JOIN connections n ON n.connection = k.connection"
        " WHERE a.experiment = ? AND a.arm = ? AND n.name = ? AND k.kind = 'id' ORDER BY k.key",
        (experiment, arm, connection),
    )
    return [str(key) for (key,) in rows]


def arms_by_key(store: Store, experiment: str, kind: str, connection: str) -> dict[str, str]:
    """Return the arm of every key of a kind: addresses as the store's keyed hashes, ids of a connection as they are."""
    of_all = kind == "email"
    rows = store.db.execute(
        "SELECT k.key, a.arm FROM assignments a LEFT JOIN person_of p ON p.key_id = a.key_id"
        " JOIN person_of o ON o.person = coalesce(p.person, a.key_id) JOIN person_keys k ON k.key_id = o.key_id"
        " LEFT JOIN connections n ON n.connection = k.connection"
        " WHERE a.experiment = ? AND k.kind = ? AND (? OR n.name = ?)",
        (experiment, kind, of_all, connection),
    )
    return {str(key): str(arm) for key, arm in rows}


def id_list(experiment: str, arm: str, ids: Sequence[str]) -> str:
    """Return HubSpot's import of an arm: a record id, and the arm for a property of the contact."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([ID_COLUMNS["hubspot"], spreadsheet(f"persync {experiment}")])
    writer.writerows([spreadsheet(key), spreadsheet(arm)] for key in ids)
    return text.getvalue()


@dataclass(slots=True)
class Marked:
    """What became of the user's own list: its lines, those the store knows an arm of, and those written."""

    lines: int = 0
    known: int = 0
    written: int = 0


def mark_list(
    store: Store,
    experiment: str,
    arm: str,
    source: Path,
    out: Path,
    *,
    connector: str,
    connection: str,
    column: str | None = None,
) -> Marked:
    """Write those lines of the user's own list (a platform's export, CSV) whose people are in an arm, tagged
    `EXPERIMENT:ARM`, as the platform imports it.

    Addresses are hashed with the store's key, compared and forgotten; nothing of the list is kept. Mailchimp gets address and
    tag; other lists keep their columns, with the tag added to `Tags`. The file is readable by its owner alone. Raises DataError
    when the list has no column of addresses or ids.
    """
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"the list cannot be read: {type(error).__name__}.", where=str(source), hint="Save it as CSV UTF-8."
        ) from None
    header = lines[0] if lines else []
    at, kind = _column(header, connector, column, source)
    arms = arms_by_key(store, experiment, kind, connection)
    texts = {_cell(line, at) for line in lines[1:]}
    keys = stored_keys(store.key, "email", texts) if kind == "email" else {text: text.lstrip("'") for text in texts}
    tag = f"{experiment}:{arm}"
    done = Marked()
    is_mailchimp = connector == "mailchimp"
    names = [header[at], "Tags"] if is_mailchimp else [*header, *([] if "Tags" in header else ["Tags"])]
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as written:
        os.chmod(out, 0o600)
        writer = csv.writer(written, lineterminator="\r\n")
        writer.writerow(names)
        for line in lines[1:]:
            if not any(line):
                continue
            done.lines += 1
            found = arms.get(keys[_cell(line, at)])
            done.known += found is not None
            if found == arm:
                done.written += 1
                writer.writerow([line[at], tag] if is_mailchimp else _tagged(line, header, tag))
    return done


def _cell(line: Sequence[str], at: int) -> str:
    return line[at] if at < len(line) else ""


def _tagged(line: Sequence[str], header: Sequence[str], tag: str) -> list[str]:
    if "Tags" not in header:
        return [*line, tag]
    at = header.index("Tags")
    return [", ".join(part for part in (cell, tag) if part) if i == at else cell for i, cell in enumerate(line)]


def _column(header: Sequence[str], connector: str, column: str | None, source: Path) -> tuple[int, str]:
    names = {name.strip().lower(): i for i, name in reversed(list(enumerate(header)))}
    wanted: Iterator[str] = iter(
        (column.strip().lower(),) if column else (*ADDRESS_COLUMNS, ID_COLUMNS.get(connector, "").lower())
    )
    for name in wanted:
        if name and name in names:
            return names[name], "id" if name == ID_COLUMNS.get(connector, "").lower() else "email"
    hint = nearest(column, list(header)) if column else "Name the column of addresses with --column."
    raise DataError("the list has no column of addresses.", where=f"{source}, line 1", hint=hint)
