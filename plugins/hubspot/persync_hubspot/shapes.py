"""What the records of every type of CRM object have in common: when they were made, whose they are, in which currency."""

from __future__ import annotations

from collections.abc import Iterable

from persync.connect.stream import Context
from persync.errors import RecordError
from persync_hubspot import properties as prop
from persync_hubspot import records


def created_at(record: records.CrmObject, *names: str) -> int:
    """Return when something was made: by the first property that says so, else by the record itself."""
    for name in names:
        at = prop.moment(record["properties"], name)
        if at is not None:
            return at
    return prop.millis(record["createdAt"], "createdAt")


def archived_at(record: records.CrmObject) -> int | None:
    """Return when something was deleted, None when HubSpot does not say."""
    at = record.get("archivedAt")
    return prop.millis(at, "archivedAt") if at else None


def associated(record: records.LinkedObject, kind: str) -> list[str] | None:
    """Return the ids of one type that belong to a record, the oldest first; None when nothing was said of them.

    The list leaves out a type of which there are none, as a search leaves out all.
    """
    others = record.get("associations", {}).get(kind)
    return None if others is None else in_order(other["id"] for other in others["results"])


def in_order(ids: Iterable[str]) -> list[str]:
    """Return ids once each, the oldest record first: HubSpot repeats an id for each label and promises no order."""
    return sorted(set(ids), key=lambda found: (len(found), found))


def currency_of(values: prop.Properties, name: str, at: Context) -> str:
    """Return a record's currency, else the account's. Raise RecordError when neither is known."""
    currency = prop.text(values, name) or at.account.currency
    if not currency:
        raise RecordError("no currency, and the account's own is not known yet.", field=f"properties.{name}")
    return currency
