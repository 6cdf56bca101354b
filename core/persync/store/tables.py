"""How each row type lands in its table: columns, key, and which fields are references."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from persync import rows
from persync.redact import anonymous
from persync.rows import KEEP


@dataclass(frozen=True, slots=True)
class Table:
    """One row type's table. `columns` stand in the order of the row's fields; `refs` are (field index, resolver method).

    `fixed` columns come first and hold the connection's number. `snapshot` tables number their rows and keep one only when
    a value changed.
    """

    row: type[Any]
    name: str
    key: tuple[str, ...]
    renamed: dict[str, str]
    refs: tuple[tuple[int, str], ...]
    fixed: bool
    snapshot: bool = False
    zero_null: tuple[int, ...] = ()
    """fields whose None becomes 0 because they are part of the key"""
    first: tuple[str, ...] = ()
    """columns whose first known value stays"""
    earliest: tuple[str, ...] = ()
    """columns of times whose earliest known value stays"""
    dated: str | None = None
    """of a snapshot the column that says since when its values hold: another date alone is no change"""
    settled: tuple[str, str] | None = None
    """(a column, an entry's name): what was stored of that entry's column stays"""

    @property
    def person_at(self) -> int | None:
        """The index of the field that names a person, None when there is none."""
        return next((index for index, method in self.refs if method == "person"), None)

    @property
    def keepable(self) -> list[int]:
        """The indexes of the fields that may hold KEEP."""
        return [index for index, kind in enumerate(self.row.__annotations__.values()) if "Keep" in kind.__forward_arg__]

    @property
    def columns(self) -> tuple[str, ...]:
        fields = tuple(self.renamed.get(name, name) for name in self.row._fields)
        return (("connection", *fields) if self.fixed else fields) + (("number", "observed_at") if self.snapshot else ())

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that a snapshot compares."""
        return tuple(name for name in self.columns if name not in self.key and name not in ("number", "observed_at"))


_METHODS = {
    "person": "person",
    "campaign": "campaign",
    "order": "order",
    "link": "link_id",
    "channel": "word",
    "source": "word",
}
_COLUMNS = {"person": "key_id", "campaign": "campaign_key", "order": "order_key", "link": "link_id"}


def _table(
    row: type[Any],
    name: str,
    key: tuple[str, ...],
    *,
    refs: tuple[str, ...],
    fixed: bool = True,
    snapshot: bool = False,
    zero_null: tuple[str, ...] = (),
    first: tuple[str, ...] = (),
    earliest: tuple[str, ...] = (),
    dated: str | None = None,
    settled: tuple[str, str] | None = None,
) -> Table:
    fields = row._fields
    return Table(
        row=row,
        name=name,
        key=key,
        renamed={field: _COLUMNS[field] for field in refs if field in _COLUMNS},
        refs=tuple((fields.index(field), _METHODS[field]) for field in refs),
        fixed=fixed,
        snapshot=snapshot,
        zero_null=tuple(fields.index(field) for field in zero_null),
        first=first,
        earliest=earliest,
        dated=dated,
        settled=settled,
    )


TABLES: dict[type[Any], Table] = {
    t.row: t
    for t in (
        # One person may be several records, of several lists, each with a beginning of its own.
        _table(rows.Contact, "contacts", ("connection", "key_id"), refs=("person",), earliest=("created_at",)),
        _table(
            rows.Consent,
            "consents",
            ("connection", "key_id", "channel"),
            refs=("person",),
            snapshot=True,
            # Some platforms tell only when the whole record last changed, and that moves with every edit.
            dated="changed_at",
        ),
        _table(
            rows.ConsentChange,
            "consent_changes",
            ("connection", "key_id", "channel", "happened_at", "state"),
            refs=("person",),
        ),
        _table(rows.Attribute, "attributes", ("connection", "key_id", "name"), refs=("person",)),
        _table(rows.Stage, "stages", ("connection", "key_id", "stage", "entered_at"), refs=("person",)),
        _table(rows.Field, "fields", ("connection", "list", "name"), refs=()),
        _table(rows.Segment, "segments", ("connection", "kind", "parent", "vendor_id"), refs=()),
        _table(rows.Campaign, "campaigns", ("campaign_key",), refs=("campaign",)),
        _table(rows.Variant, "variants", ("campaign_key", "variant"), refs=("campaign",), fixed=False),
        _table(
            rows.CampaignCounters,
            "campaign_counters",
            ("campaign_key", "variant"),
            refs=("campaign",),
            fixed=False,
            snapshot=True,
        ),
        _table(
            rows.Touchpoint,
            "touchpoints",
            ("connection", "campaign_key", "key_id", "action", "happened_at", "link_id", "ordinal"),
            refs=("campaign", "person", "link", "channel", "source"),
        ),
        _table(rows.Order, "orders", ("order_key",), refs=("order", "person")),
        _table(rows.OrderPerson, "order_people", ("order_key", "key_id"), refs=("order", "person"), fixed=False),
        _table(rows.OrderLine, "order_lines", ("order_key", "line"), refs=("order",), fixed=False, first=("unit_cost_minor",)),
        _table(
            rows.LedgerEntry,
            "order_ledger",
            ("order_key", "entry", "part"),
            refs=("order",),
            fixed=False,
            # A whole sale taken back without a date of its own: its date is the order's last change, which moves on.
            settled=("happened_at", "undone"),
        ),
        _table(
            rows.Claim,
            "claims",
            ("connection", "campaign_key", "order_key", "model"),
            refs=("campaign", "order"),
            snapshot=True,
        ),
        _table(
            rows.LinkCounters,
            "link_counters",
            ("campaign_key", "link_id", "variant"),
            refs=("campaign", "link"),
            fixed=False,
            snapshot=True,
        ),
        _table(rows.OrderDiscount, "order_discounts", ("order_key", "discount"), refs=("order",), fixed=False),
        _table(rows.Payment, "order_payments", ("order_key", "payment"), refs=("order",), fixed=False),
        _table(rows.Cart, "carts", ("connection", "cart"), refs=("person", "campaign")),
        _table(rows.Product, "products", ("connection", "product"), refs=()),
        _table(rows.UnitCost, "unit_costs", ("connection", "item"), refs=(), snapshot=True),
        _table(rows.PromoCode, "promo_codes", ("connection", "promotion", "code"), refs=()),
        _table(rows.Company, "companies", ("connection", "company"), refs=()),
        _table(rows.Ticket, "tickets", ("connection", "ticket"), refs=("person",)),
        _table(rows.Feedback, "feedback", ("connection", "submission"), refs=("person",)),
        _table(rows.Session, "sessions", ("connection", "session"), refs=("person",)),
        _table(rows.SocialPost, "social_posts", ("connection", "network", "post"), refs=()),
        _table(rows.WorkTime, "work_times", ("connection", "entry"), refs=()),
        _table(rows.AdSpend, "ad_spend", ("connection", "entry"), refs=()),
        _table(rows.Wallet, "wallets", ("connection", "key_id", "category", "from_at"), refs=("person",)),
        _table(rows.Cost, "costs", ("connection", "entry"), refs=()),
        _table(rows.Assignment, "assignments", ("connection", "experiment", "key_id"), refs=("person",)),
        _table(
            rows.Outcome,
            "outcomes",
            ("connection", "key_id", "outcome", "happened_at"),
            refs=("person",),
            zero_null=("happened_at",),
        ),
        _table(
            rows.Decision,
            "decisions",
            ("connection", "decision", "key_id", "decided_at"),
            refs=("person",),
            zero_null=("decided_at",),
        ),
    )
}


FREE_TEXT: dict[type[Any], tuple[int, ...]] = {
    row: tuple(row._fields.index(name) for name in names)
    for row, names in (
        (rows.Attribute, ("value",)),
        (rows.Campaign, ("title", "subject")),
        (rows.Cart, ("recovery",)),
        (rows.Company, ("stage", "industry", "size")),
        (rows.Field, ("label",)),
        (rows.OrderDiscount, ("discount", "code")),
        (rows.Product, ("title", "kind")),
        (rows.PromoCode, ("code",)),
        (rows.Segment, ("name", "rule")),
        (rows.Ticket, ("stage", "category", "source")),
        (rows.Feedback, ("survey", "grade")),
        (rows.Session, ("source", "medium", "campaign", "experience")),
        (rows.Variant, ("label",)),
    )
}
"""fields (by index) that hold what somebody typed at the vendor's: addresses and phone numbers in them are blanked"""

_BY_NAME = {table.name: table for table in TABLES.values()}


@lru_cache(maxsize=512)
def upsert(name: str, kept: tuple[int, ...]) -> tuple[str, str]:
    """Return the two halves of a table's change-only upsert: table with columns, and what to do where there is a row already.

    The fields (by index) that a row keeps are left out.
    """
    table = _BY_NAME[name]
    start = 1 if table.fixed else 0
    columns = [name for i, name in enumerate(table.columns) if i - start not in kept]
    into, otherwise = f"{table.name} ({', '.join(columns)})", f"ON CONFLICT ({', '.join(table.key)}) DO "
    free = [name for name in columns if name not in table.key]
    if not free:
        return into, otherwise + "NOTHING"
    new = {name: f"excluded.{name}" for name in free}
    new |= {name: f"coalesce({table.name}.{name}, excluded.{name})" for name in table.first if name in new}
    for column in table.earliest:
        if column in new:
            stored, given = f"{table.name}.{column}", new[column]
            new[column] = f"coalesce(min({stored}, {given}), {stored}, {given})"
    if table.settled and table.settled[0] in new:
        column, entry = table.settled
        stored = f"{table.name}.{column}"
        new[column] = f"CASE WHEN {table.name}.entry = '{entry}' THEN {stored} ELSE {new[column]} END"
    changes = ", ".join(f"{name} = {value}" for name, value in new.items())
    differs = " OR ".join(f"{table.name}.{name} IS NOT {value}" for name, value in new.items())
    return into, f"{otherwise}UPDATE SET {changes} WHERE {differs}"


def without_people(row: Any, fields: tuple[int, ...]) -> Any:
    """Return a row without the addresses and phone numbers in its free texts."""
    changed = {}
    for index in fields:
        value = row[index]
        if isinstance(value, str) and (clean := anonymous(value)) != value:
            changed[row._fields[index]] = clean
    return row._replace(**changed) if changed else row


def kept_fields(row: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the indexes of a row's fields that are KEEP."""
    return tuple(i for i, value in enumerate(row) if value is KEEP) if KEEP in row else ()
