"""What lies around messages and orders: companies, voices, visits, posts, time, advertising, and what is spent elsewhere."""

from __future__ import annotations

from typing import NamedTuple

from persync.rows.keys import KEEP, Keep, Person


class Company(NamedTuple):
    """A company that people belong to (`MemberOf` of kind company). Table `companies`. No name is kept."""

    company: str
    created_at: int | Keep | None = KEEP
    stage: str | Keep | None = KEEP
    industry: str | Keep | None = KEEP
    country: str | Keep | None = KEEP
    size: str | Keep | None = KEEP
    """employees in bands: 1-9, 10-49, 50-249, 250+"""


class Ticket(NamedTuple):
    """A request for help. Table `tickets`. Its text is not kept."""

    ticket: str
    person: Person | Keep | None = KEEP
    created_at: int | Keep | None = KEEP
    closed_at: int | Keep | None = KEEP
    first_reply_at: int | Keep | None = KEEP
    stage: str | Keep | None = KEEP
    category: str | Keep | None = KEEP
    priority: str | Keep | None = KEEP
    source: str | Keep | None = KEEP


class Feedback(NamedTuple):
    """An answer to a survey. Table `feedback`. Its text is not kept.

    `kind` is NPS, CSAT, CES, CUSTOM ...; scales differ, so `value` counts only beside the kind.
    """

    submission: str
    person: Person | Keep | None
    kind: str
    survey: str | None
    channel: str | None
    value: float | None
    grade: str | None
    """the platform's own group (promoter ...), which may contradict the value"""
    submitted_at: int | None
    ticket: str | None = None


class Session(NamedTuple):
    """A visit to the shop's site as a web analytics tool counted it. Table `sessions`.

    `session` is the tool's own number for it; `source` and `medium` are what brought it (UTM), `experience` is what was shown.
    A number that the tool did not tell is None, never 0.
    """

    session: str
    person: Person | None
    started_at: int
    source: str | None
    medium: str | None
    campaign: str | None
    device: str | None
    pages: int | None
    seconds: float | None
    is_bounced: bool | None
    experience: str | None
    is_converted: bool | None


class SocialPost(NamedTuple):
    """A post on a social network and what came back. Table `social_posts`."""

    network: str
    post: str
    posted_at: int
    campaign: str | None
    reach: int | None
    followers: int | None
    likes: int | None
    shares: int | None
    comments: int | None


class WorkTime(NamedTuple):
    """Hours a task took in a period, before a tool and with it. Table `work_times`.

    `rate_minor` is what an hour costs, `on_cost` what is paid on top (0.2 = 20 %), `output` how many pieces were made.
    """

    entry: str
    task: str
    from_at: int
    to_at: int
    hours_before: float | None
    hours_after: float | None
    rate_minor: int | None
    currency: str | None
    on_cost: float | None
    output: float | None


class AdSpend(NamedTuple):
    """What a channel's advertising cost on a day. Table `ad_spend`."""

    entry: str
    happened_at: int
    channel: str
    campaign: str | None
    purpose: str | None
    amount_minor: int
    currency: str


class Wallet(NamedTuple):
    """What a person spends on a category in a period, everywhere. Table `wallets`. It is always somebody's word."""

    person: Person
    category: str
    from_at: int
    to_at: int
    amount_minor: int
    currency: str
