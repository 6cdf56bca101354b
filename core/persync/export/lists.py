"""People as a list that a platform imports, without keeping anybody's address.

HubSpot takes its own ids, which the store has. Mailchimp and Shopify find people by address alone: the user gives a file of
addresses, each is hashed with the store's key as it was when it came in, compared and forgotten.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from persync.errors import DataError, PersyncError, nearest
from persync.imports.csvfile import UNSEPARATED, WITH_COMMAS, is_unseparated
from persync.report.safe import spreadsheet
from persync.store import private
from persync.store.gone import stored_keys
from persync.store.store import Store

ADDRESS_COLUMNS: Final = ("email address", "email", "e-mail", "e-mail address", "email_address", "contact email")
ID_COLUMNS: Final = {"hubspot": "Record ID", "shopify": "Customer ID"}
CONSENT_COLUMN: Final = "Accepts Email Marketing"
"""in Shopify's file of customers: yes or no"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who is listed: those of `people` (person: label) who have the label `wanted`.

    `name` heads the column of labels beside ids, `tag` is what people get on a platform that has tags. `is_refusal` says that
    they are not to be mailed: where the platform's file has a column for that, it says no.
    """

    name: str
    wanted: str
    tag: str
    people: Mapping[int, str]
    is_refusal: bool = False

    @property
    def size(self) -> int:
        """How many people the store has under the label."""
        return sum(label == self.wanted for label in self.people.values())


@dataclass(slots=True)
class Marked:
    """What became of the user's own list: its lines, those whose people have any label, and those written."""

    lines: int = 0
    known: int = 0
    written: int = 0


def platform_ids(store: Store, chosen: Chosen, connection: str) -> list[str]:
    """Return the platform's own ids of the chosen people, by a connection; they are stored as they are. Sorted."""
    rows = store.db.execute(
        "SELECT DISTINCT k.key FROM json_each(?) j JOIN person_of o ON o.person = j.value"
        " JOIN person_keys k ON k.key_id = o.key_id JOIN connections n ON n.connection = k.connection"
        " WHERE n.name = ? AND k.kind = 'id' ORDER BY k.key",
        (orjson.dumps([person for person, label in chosen.people.items() if label == chosen.wanted]).decode(), connection),
    )
    return [str(key) for (key,) in rows]


def id_list(chosen: Chosen, ids: Sequence[str]) -> str:
    """Return HubSpot's import of people: a record id, and their label for a property of the contact."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([ID_COLUMNS["hubspot"], spreadsheet(f"persync {chosen.name}")])
    writer.writerows([spreadsheet(key), spreadsheet(chosen.wanted)] for key in ids)
    return text.getvalue()


def mark_list(
    store: Store, chosen: Chosen, source: Path, out: Path, *, connector: str, connection: str, column: str | None = None
) -> Marked:
    """Write those lines of the user's own list (a platform's export, CSV) whose people are chosen, tagged, as the platform
    imports it.

    Addresses are hashed with the store's key, compared and forgotten; nothing of the list is kept. Mailchimp gets address and
    tag; other lists keep their columns, with the tag added to `Tags`. The file is readable by its owner alone, and there whole
    or not at all. Raises DataError when the list has no column of addresses or ids, PersyncError where it cannot be written.
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
    labels = _labels_by_key(store, chosen, kind, connection)
    texts = {_cell(line, at) for line in lines[1:]}
    keys = stored_keys(store.key, "email", texts) if kind == "email" else {text: text.lstrip("'") for text in texts}
    # A comma would make two tags of one.
    tag = spreadsheet(chosen.tag.replace(",", " "))
    done = Marked()
    is_mailchimp = connector == "mailchimp"
    names = [header[at], "Tags"] if is_mailchimp else [*header, *([] if "Tags" in header else ["Tags"])]
    try:
        with private.replacing(out) as binary:
            written = io.TextIOWrapper(binary, encoding="utf-8", newline="")
            writer = csv.writer(written, lineterminator="\r\n")
            writer.writerow(names)
            for line in lines[1:]:
                if not any(line):
                    continue
                done.lines += 1
                found = labels.get(keys[_cell(line, at)])
                done.known += found is not None
                if found == chosen.wanted:
                    done.written += 1
                    writer.writerow([line[at], tag] if is_mailchimp else _tagged(line, header, tag, chosen))
            written.flush()
            written.detach()
    except OSError as error:
        raise PersyncError(f"cannot write the file: {error.strerror}.", where=str(out), hint="Choose another place.") from None
    return done


def _labels_by_key(store: Store, chosen: Chosen, kind: str, connection: str) -> dict[str, str]:
    """Return the label of every key of a kind: addresses as the store's keyed hashes, ids of a connection as they are."""
    rows = store.db.execute(
        "SELECT k.key, j.value FROM json_each(?) j JOIN person_of o ON o.person = j.value"
        " JOIN person_keys k ON k.key_id = o.key_id LEFT JOIN connections n ON n.connection = k.connection"
        " WHERE k.kind = ? AND (? OR n.name = ?)",
        (orjson.dumps(list(chosen.people)).decode(), kind, kind == "email", connection),
    )
    return {str(key): chosen.people[person] for key, person in rows}


def _cell(line: Sequence[str], at: int) -> str:
    return line[at] if at < len(line) else ""


def _tagged(line: Sequence[str], header: Sequence[str], tag: str, chosen: Chosen) -> list[str]:
    cells = list(line)
    if chosen.is_refusal and CONSENT_COLUMN in header and header.index(CONSENT_COLUMN) < len(cells):
        cells[header.index(CONSENT_COLUMN)] = "no"
    if "Tags" not in header:
        return [*cells, tag]
    at = header.index("Tags")
    return [", ".join(part for part in (cell, tag) if part) if i == at else cell for i, cell in enumerate(cells)]


def _column(header: Sequence[str], connector: str, column: str | None, source: Path) -> tuple[int, str]:
    if is_unseparated(header):
        raise DataError(UNSEPARATED, where=f"{source}, line 1", hint=WITH_COMMAS)
    names = {name.strip().lower(): i for i, name in reversed(list(enumerate(header)))}
    wanted: Iterator[str] = iter(
        (column.strip().lower(),) if column else (*ADDRESS_COLUMNS, ID_COLUMNS.get(connector, "").lower())
    )
    for name in wanted:
        if name and name in names:
            return names[name], "id" if name == ID_COLUMNS.get(connector, "").lower() else "email"
    hint = nearest(column, list(header)) if column else "Name the column of addresses with --column."
    raise DataError("the list has no column of addresses.", where=f"{source}, line 1", hint=hint)
