"""What a pull learns of the account and of what is there to be read, or is no longer."""

from __future__ import annotations

from typing import Any, NamedTuple

from persync.rows.keys import KEEP, Keep


class Account(NamedTuple):
    """Facts of the connected account; kept on the connection and handed to row functions as `Context.account`."""

    account_id: str
    currency: str | Keep | None = KEEP
    timezone: str | Keep | None = KEEP
    shop: str | Keep | None = KEEP
    """The shop's own domain, lower case, when this account is a shop."""
    covers_from: int | Keep | None = KEEP
    """The account shows nothing older than this (Shopify's 60 days), or None when there is no such wall."""


class Child(NamedTuple):
    """Work found: the stream `stream` is to be read for `key`; stored in the page's own transaction.

    `data` becomes `Context.parent` (plain JSON, never personal data). A child whose `version` is the one last read is
    skipped; `version=None` is read at every pull with its own cursor.
    """

    stream: str
    key: str
    data: dict[str, Any]
    version: str | None = None


class Present(NamedTuple):
    """This thing is still there: one row a record of a full listing. What such a listing no longer names is gone.

    Yielded by streams that declare `sweeps`; at the end of a complete pass over every partition of the stream, whatever the
    store knows of this connection and the listing did not name becomes a `Deletion`. `key` is the platform's own id.
    """

    key: str


class Parked(NamedTuple):
    """A record that can only be shaped together with another one, which may come on a later page (bulk results).

    `data` is plain JSON without anything personal. When the partition is read to its end, the stream's `join` is called
    with each parked record that has a `parent`, and the chain of parked records above it.
    """

    key: str
    parent: str | None
    data: dict[str, Any]


class Deletion(NamedTuple):
    """The platform no longer has this thing, or says that it was deleted. Table `deletions`.

    `thing` is contact, campaign, order, product, company, ticket, cart or segment; `vendor_id` the platform's own id;
    `deleted_at` what the platform says, None when it was only found missing. Facts about it stay. The writer also marks
    the contact (`is_deleted`), campaign or order (`status` "deleted").
    """

    thing: str
    vendor_id: str
    deleted_at: int | None = None
