"""Who somebody is to a platform: contacts, consents, attributes, stages, and what they belong to."""

from __future__ import annotations

from typing import NamedTuple

from persync.rows.keys import KEEP, Keep, Person


class Contact(NamedTuple):
    """A person as one platform knows them, without who they are. Table `contacts`."""

    person: Person
    created_at: int | Keep | None = KEEP
    status: str | Keep | None = KEEP
    """The platform's word: subscribed, archived, customer ..."""
    source: str | Keep | None = KEEP
    orders: int | Keep | None = KEEP
    is_deleted: bool | Keep = KEEP


class Merged(NamedTuple):
    """The platform says that two of its people are one. Table `links`, reason `vendor_merge`."""

    survivor: Person
    loser: Person


class Consent(NamedTuple):
    """The consent state of a person for a channel; a new snapshot is kept only when a value changed. `consents`."""

    person: Person
    channel: str
    """email or sms; where consent is given for each list or type, that stands after a slash: email/list:<id>, email/<type>"""
    state: str
    """subscribed, unsubscribed, pending, not_subscribed, unknown"""
    level: str | None = None
    """single_opt_in, confirmed_opt_in, legitimate_interest ..., None when the platform does not say"""
    source: str | None = None
    changed_at: int | None = None


class ConsentChange(NamedTuple):
    """One entry of a platform's own log of consent: what changed and when. Table `consent_changes`.

    Beside `Consent`, which is what a pull saw: a log may be read again from its beginning and says no more than before.
    """

    person: Person
    channel: str
    state: str
    """subscribed or unsubscribed"""
    happened_at: int


class Attribute(NamedTuple):
    """An opt-in attribute, coarsened before it gets here, with the basis for holding it. Table `attributes`."""

    person: Person
    name: str
    value: str | None
    basis: str | None


class Stage(NamedTuple):
    """When a person entered a life-cycle stage. Table `stages`."""

    person: Person
    stage: str
    entered_at: int


class Field(NamedTuple):
    """A field that a list or object type has: needed to tell personal merge tags from system tags. Table `fields`."""

    list: str
    name: str
    type: str
    label: str = ""


class Segment(NamedTuple):
    """A list, tag, segment or interest. `parent` is the list it lives in, "" for none. Table `segments`."""

    kind: str
    vendor_id: str
    parent: str = ""
    name: str | Keep | None = KEEP
    rule: str | Keep | None = KEEP


class MemberOf(NamedTuple):
    """All segments of one kind (under one parent) that a person is in now. Replaces what was known. `memberships`.

    `segments` are vendor ids; one that no `Segment` row has named yet is created nameless.
    """

    person: Person
    kind: str
    parent: str
    segments: tuple[str, ...]
    joined_at: int | None = None
