"""The programme itself: what platforms claim of it, what it costs, its experiments and its decisions."""

from __future__ import annotations

from typing import NamedTuple

from persync.rows.keys import CampaignRef, OrderRef, Person


class Claim(NamedTuple):
    """What a platform says it earned; a new snapshot is kept only when a value changed. Table `claims`.

    An order is claimed by one rule for the campaigns that the platform names now: for any other campaign its claim is closed
    (no orders, no money). A claim on an order for no campaign says just that.
    """

    campaign: CampaignRef | None
    order: OrderRef | None
    model: str
    """the platform's own name for its rule, e.g. mailchimp_report, LINEAR"""
    orders: int | None
    amount_minor: int | None
    currency: str | None
    from_at: int | None = None
    to_at: int | None = None


class Cost(NamedTuple):
    """Money spent on the programme. Table `costs`."""

    entry: str
    happened_at: int
    category: str
    amount_minor: int
    currency: str
    scope: str = ""
    amortise_months: int = 0


class Assignment(NamedTuple):
    """A person's arm in an experiment. Table `assignments`."""

    experiment: str
    person: Person
    arm: str
    assigned_at: int | None = None
    planned_share: float | None = None


class Outcome(NamedTuple):
    """A number an experiment can be read on without orders; None is missing, not zero. Table `outcomes`."""

    person: Person
    outcome: str
    value: float | None
    happened_at: int | None = None


class Decision(NamedTuple):
    """A decision somebody or something made about a person. Table `decisions`."""

    decision: str
    person: Person
    selected: bool
    score: float | None = None
    qualified: bool | None = None
    decided_at: int | None = None
