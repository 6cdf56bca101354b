"""From records to rows: lists ("segments"), what their filters ask for, and who is in them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from persync.connect.stream import Context
from persync.rows import Child, Field, MemberOf, Person, Present, Row, Segment
from persync_hubspot import personalise, records_mail
from persync_hubspot.properties import millis

CONTACTS = "0-1"


def list_rows(record: records_mail.ContactList, at: Context) -> Iterator[Row]:
    """Yield a list of contacts, and the work of reading its filters and members: again only when they changed."""
    if record["objectTypeId"] != CONTACTS:
        return
    number, kind = record["listId"], record["processingType"]
    yield Segment("list", number, parent=number, name=record["name"], rule=kind)
    further = record.get("additionalProperties") or {}
    moved = [further.get(f"hs_{name}") for name in ("last_record_added_at", "last_record_removed_at", "list_size")]
    yield Child("list_members", number, {"id": number}, version=":".join(one or "" for one in moved))
    if kind == "MANUAL":
        yield Field("lists", number, kind, record["name"])
    else:
        edited = record.get("filtersUpdatedAt") or record.get("updatedAt") or record.get("createdAt") or ""
        yield Child("list_filters", number, {"id": number}, version=edited or "1")


def filter_rows(record: records_mail.ListDefinition, at: Context) -> Iterator[Row]:
    """Yield what a list chooses by, in a few words: the mails that go to it are personal for that. No value is kept."""
    yield Field("lists", record["listId"], personalise.list_type(record), record["name"])


def member_rows(record: records_mail.ListMember, at: Context) -> Iterator[Row]:
    """Yield that a contact is in a list, and since when.

    Each list is a scope of its own (its `parent` is itself), because its members come list by list: naming one list of a
    person must not take away the others. Who left is not told: whom the whole list does not name has.
    """
    number = at.parent["id"]
    joined = millis(record["membershipTimestamp"], "membershipTimestamp")
    yield MemberOf(Person(("id", record["recordId"])), "list", number, (number,), joined_at=joined)
    yield Present(record["recordId"])


def legacy_rows(record: records_mail.ListMapping, at: Context) -> Iterator[Row]:
    """Yield what a list of the old numbering is called now."""
    yield Segment("legacy_list", record["legacyListId"], rule=f"list:{record['listId']}")
