"""What was sent, on what evidence it is personal, and what people did with it."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from persync.rows.keys import KEEP, CampaignRef, Keep, Person


class Action(IntEnum):
    """What happened at a touchpoint. The numbers are stored: never change one."""

    SEND = 1
    DELIVER = 2
    OPEN = 3
    CLICK = 4
    BOUNCE = 5
    UNSUBSCRIBE = 6
    COMPLAINT = 7
    DROP = 8
    """Selected but not sent: suppressed, held back, dropped before delivery."""
    VISIT = 9
    """A session on the shop's own site."""


class Campaign(NamedTuple):
    """A message that was or will be sent. Table `campaigns`."""

    campaign: CampaignRef
    kind: str | Keep = KEEP
    title: str | Keep | None = KEEP
    subject: str | Keep | None = KEEP
    list: str | Keep | None = KEEP
    parent: str | Keep | None = KEEP
    """The vendor id of the campaign this one came from (resend, RSS child, variant)."""
    status: str | Keep | None = KEEP
    created_at: int | Keep | None = KEEP
    sent_at: int | Keep | None = KEEP
    counts_opens: bool | Keep | None = KEEP
    counts_clicks: bool | Keep | None = KEEP
    budget_minor: int | Keep | None = KEEP
    """what was planned to be spent on it; what was spent is a `Cost`"""
    currency: str | Keep | None = KEEP


class Evidence(NamedTuple):
    """What was found in one place that bears on personalisation; replaces what that source said. `campaign_evidence`.

    `source` names where we looked (settings, content, report). `items` are `(kind, detail)`; kinds: token, conditional,
    segment, filtered_list, smart, trigger, workflow, recommendation, programmable, timing and demographic (which
    count for nothing), `level` (what a user said), and `read` (this source was read: without one from the content the level
    is unknown). `detail` names the tag or rule, never a person's value.
    """

    campaign: CampaignRef
    source: str
    items: tuple[tuple[str, str], ...]


class Variant(NamedTuple):
    """One variant of a campaign's test. Table `variants`."""

    campaign: CampaignRef
    variant: str
    label: str | Keep | None = KEEP
    recipients: int | Keep | None = KEEP
    is_winner: bool | Keep | None = KEEP


class CampaignCounters(NamedTuple):
    """The vendor's own totals for a campaign; a new snapshot is kept only when a value changed. `campaign_counters`.

    None means the vendor does not measure it: not zero.
    """

    campaign: CampaignRef
    variant: str = ""
    selected: int | None = None
    sent: int | None = None
    delivered: int | None = None
    hard_bounces: int | None = None
    soft_bounces: int | None = None
    opens: int | None = None
    unique_opens: int | None = None
    human_opens: int | None = None
    unique_human_opens: int | None = None
    clicks: int | None = None
    unique_clicks: int | None = None
    """people who clicked, not person-link pairs"""
    unsubscribes: int | None = None
    complaints: int | None = None
    dropped: int | None = None


class LinkCounters(NamedTuple):
    """The vendor's totals for one link of a campaign; a new snapshot is kept only when a value changed. `link_counters`."""

    campaign: CampaignRef
    link: str
    """the URL; its query is dropped, so links that differ in it alone must be added up by the row function, or numbered
    apart with `variant`"""
    variant: str = ""
    clicks: int | None = None
    unique_clicks: int | None = None


class Touchpoint(NamedTuple):
    """A message that reached a contact, or what they did with it. Table `touchpoints`.

    `ordinal` counts otherwise equal events of one record. `is_machine` is the vendor's own flag or None. `link` is a URL
    without its query. `level` is the personalisation level only where this very send is known to differ.
    """

    campaign: CampaignRef | None
    person: Person
    action: Action
    happened_at: int
    link: str | None = None
    ordinal: int = 0
    variant: str = ""
    level: int | None = None
    is_machine: bool | None = None
    channel: str = "email"
    source: str = ""
