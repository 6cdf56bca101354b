"""How the credit of an order came about, as blocks of a page: what `persync explain order` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persync.attribution.basis import basis_of
from persync.attribution.explain import REASONS
from persync.money import Money
from persync.redact import redacted
from persync.report import words
from persync.report.report import Block, Cell, Column, Note, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from persync.attribution.explain import Explained, Touch
    from persync.measure.metric import Ask


def blocks_of(one: Explained, ask: Ask, messages: Mapping[str, tuple[str, str]]) -> list[Block]:
    """Return an order's money, the touches that count and those that do not, and what each model gave each touch.

    `messages` are the name and title of each by every key, as `campaigns.names` gives them.
    """
    when = words.moment(one.ordered_at, ask.timezone) if one.ordered_at is not None else "at a time unknown"
    whole = Money(one.minor, one.currency)
    blocks: list[Block] = [
        Note(f"{one.connection}:{one.name}, ordered {when}, {words.money(whole)} ({basis_of(ask)}). Credited, not caused.")
    ]
    if len(one.events) > 1:
        money = (Column("at", "when", "time"), Column("amount", "amount", "money"))
        events = tuple((at, Money(minor, one.currency)) for at, minor in one.events)
        blocks.append(Table("events", "What happened to its money.", money, events))
    counted = sorted((touch for touch in one.touches if not touch.reason), key=lambda touch: touch.position)
    if not one.has_person:
        blocks.append(Note("Nobody is known to have placed it, so no touch can be looked for."))
    elif not counted:
        blocks.append(Note("No touch of its people counts."))
    columns = (
        Column("touch", "touch"),
        Column("at", "when", "time"),
        Column("days", "days before", "count"),
        Column("kind", "kind"),
        Column("channel", "channel"),
        Column("seen", "seen by"),
        Column("message", "message"),
        Column("title", "its title"),
    )
    if counted:
        rows = tuple(
            (str(t.position), t.happened_at, round(t.age_days, 1), t.kind, t.channel, *_seen(t, messages)) for t in counted
        )
        blocks.append(Table("touches", f"{words.plural(len(rows), 'touch', 'touches')} that count.", columns, rows))
    if left := [touch for touch in one.touches if touch.reason]:
        rest: tuple[tuple[Cell, ...], ...] = tuple(
            (t.happened_at, round(t.age_days, 1), t.kind, t.channel, *_seen(t, messages), REASONS[t.reason]) for t in left
        )
        told = f"{words.plural(len(rest), 'touch', 'touches')} that do not count."
        blocks.append(Table("left_out", told, (*columns[1:], Column("why", "why not")), rest))
    blocks.append(_shares(one))
    return blocks


def _seen(touch: Touch, messages: Mapping[str, tuple[str, str]]) -> tuple[str, str, str]:
    """Return who saw a touch, of which message of the store, and its title; of another what it was called."""
    known = messages.get(f"{touch.seen_by}:{touch.campaign}") or messages.get(touch.campaign)
    return (touch.seen_by, known[0], redacted(known[1])) if known else (touch.seen_by, "", touch.campaign)


def _shares(one: Explained) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for model in one.models:
        if model.reason:
            rows.append((model.name, words.reason(model.reason), None, None, None))
            continue
        for touch in one.touches:
            share = touch.shares.get(model.name)
            if share and (share.weight or share.minor):
                number = str(touch.position) if touch.position else "mail"
                rows.append((model.name, number, f"{share.weight:.6g}", share.share, Money(share.minor, one.currency)))
        rows += [
            (model.name, reason.replace("_", " "), None, None, Money(minor, one.currency))
            for reason, minor in one.rests.get(model.name, {}).items()
        ]
    columns = (
        Column("model", "model"),
        Column("touch", "touch"),
        Column("weight", "weight"),
        Column("share", "share", "share"),
        Column("money", "money", "money"),
    )
    return Table("shares", "What each model gives each touch.", columns, tuple(rows))
