"""What may be switched on besides what the imitated API always does: for tests of the odd days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Quirks"]


@dataclass(frozen=True, slots=True)
class Quirks:
    """One account's oddities.

    `untracked` says of campaigns what is not measured: {"id": "o" | "c" | "oc"}. `slow_above`: pages larger than this do not
    come within the vendor's 120 seconds and end in an error 500. `no_contact_ids`: members are shown without `contact_id`.
    `second_list`: who is in a second audience too, and with which status: {number of a person: "unsubscribed"}.
    """

    untracked: Mapping[str, str] = field(default_factory=dict)
    slow_above: int | None = None
    no_contact_ids: bool = False
    second_list: Mapping[int, str] = field(default_factory=dict)
    batch_failures: frozenset[str] = frozenset()
    """operation ids that a batch reports as failed"""
    batch_losses: frozenset[str] = frozenset()
    """operation ids that a batch's result leaves out"""
    batch_expiries: int = 0
    """how many links to results have run out when they are followed"""
    batch_forgets: int = 0
    """how many batches are no longer known when they are asked after"""
    batch_empty: bool = False
    """results are empty files"""
    batch_refused: bool = False
    """the key's role may not send batches"""
