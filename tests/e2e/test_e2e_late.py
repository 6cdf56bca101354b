"""What happens after the first pull: each late fact arrives in the next one, with its own date, and nothing is rewritten."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from persync.connect.result import PullOptions
from persync.jobs.pulling import pull_project
from persync.plugins import load_plugins
from persync.sandbox.demo import make_world
from persync.sandbox.people import DAY
from persync.sandbox.server import running, write_config
from persync.sandbox.world import LedgerEvent, Message, Open, SandboxOrder, SandboxPerson, World
from persync.settings import load_project

LATER = 41 * DAY


@dataclass
class Story:
    """A store after two pulls, and what happened between them."""

    before: World
    opened: Message
    opened_at: int
    refunded: SandboxOrder
    edited: SandboxOrder
    survivor: SandboxPerson
    merged: SandboxPerson
    withdrew: SandboxPerson
    deleted: Message
    db: sqlite3.Connection
    counts: dict[str, int]
    """rows a table had after the first pull"""

    def rows(self, sql: str, *values: Any) -> list[Any]:
        return self.db.execute(sql, values).fetchall()


def pulled(world: World, folder: Path) -> None:
    host = load_plugins()
    with running(world, host.sandboxes, folder=folder) as info:
        write_config(folder, world, info)
        project = load_project(folder, host)
        names = ("mailchimp", "shopify", "hubspot")
        result = pull_project(host, project, names, PullOptions(now=world.now))
    assert (result.exit_code, [str(error) for error in result.errors]) == (0, [])


def sold(order: SandboxOrder) -> bool:
    plain = order.kind == "order" and order.person is not None and order.financial_status == "PAID"
    return plain and not order.is_test and len(order.ledger) > 0 and order.in_hubspot is None


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("late")
    world = make_world(5, people=300)
    before = copy.deepcopy(world)
    pulled(world, folder)
    with closing(sqlite3.connect(folder / "persync.db")) as db:
        tables = ("touchpoints", "order_ledger", "consents", "orders")
        counts = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}

    now, world.now = world.now, world.now + LATER
    mine = sorted(
        (m for m in world.messages if m.platform == "mailchimp" and m.sent_at and not m.kind.startswith("automation")),
        key=lambda m: m.sent_at or 0,
    )
    deleted, opened = mine[0], mine[-1]
    send = next(s for s in opened.sends if s.status == "sent" and not s.opens)
    send.opens.append(Open(now + 2 * DAY, is_machine=False))
    world.messages.remove(deleted)

    shop = sorted((order for order in world.orders if sold(order)), key=lambda order: order.processed_at)
    refunded, edited = shop[-1], shop[-2]
    refund_at = refunded.processed_at + 40 * DAY
    whole = sum(event.total_minor for event in refunded.ledger)
    tax = sum(event.tax_minor for event in refunded.ledger)
    line = refunded.lines[0].id
    refunded.ledger.append(LedgerEvent("900001", "900001", refund_at, "REFUND", "RETURN", "PRODUCT", -whole, -tax, -1, line))
    refunded.updated_at, refunded.financial_status = refund_at, "REFUNDED"
    edited.ledger.append(LedgerEvent("900002", "900002", now + 3 * DAY, "ORDER_EDIT", "ORDER", "PRODUCT", 1190, 190, 1, line))
    edited.updated_at = now + 3 * DAY

    known = [p for p in world.people.values() if p.hubspot_id and not p.hubspot_merged_ids and p.status == "subscribed"]
    survivor, merged = known[0], known[1]
    survivor.hubspot_merged_ids, survivor.updated_at = (merged.hubspot_id or "",), now + DAY
    gone = copy.deepcopy(merged)
    merged.hubspot_id = None
    withdrew = next(
        p for p in world.people.values() if p.mailchimp_id and p.status == "subscribed" and p not in (survivor, merged)
    )
    withdrew.status, withdrew.status_changed_at, withdrew.updated_at = "unsubscribed", now + 5 * DAY, now + 5 * DAY

    pulled(world, folder)
    with closing(sqlite3.connect(folder / "persync.db")) as db:
        yield Story(before, opened, now + 2 * DAY, refunded, edited, survivor, gone, withdrew, deleted, db, counts)


def test_an_open_two_days_after_the_last_pull_is_there_with_its_own_time(story: Story) -> None:
    found = story.rows(
        "SELECT t.happened_at, t.is_machine FROM touchpoints t JOIN campaign_keys k USING (campaign_key)"
        " JOIN actions a USING (action) WHERE k.kind = 'id' AND k.key = ? AND a.name = 'open' AND t.happened_at > ?",
        story.opened.id,
        story.before.now,
    )

    assert found == [(story.opened_at, 0)]


def test_a_refund_40_days_after_the_order_is_dated_when_it_happened(story: Story) -> None:
    found = story.rows(
        "SELECT l.event, l.part, l.happened_at, l.amount_minor FROM order_ledger l JOIN order_keys k USING (order_key)"
        " WHERE k.vendor_order_id = ? ORDER BY l.happened_at, l.part",
        story.refunded.id,
    )
    refund_at = story.refunded.processed_at + 40 * DAY

    assert {row[2] for row in found if row[0] == "refund"} == {refund_at}
    assert sum(row[3] for row in found) == 0
    assert story.rows(
        "SELECT o.status, o.ordered_at, o.total_minor FROM orders o JOIN order_keys k USING (order_key)"
        " WHERE k.vendor_order_id = ?",
        story.refunded.id,
    ) == [("refunded", story.refunded.processed_at, 0)]


def test_an_order_edited_upward_keeps_its_sale_and_gains_a_dated_edit(story: Story) -> None:
    found = story.rows(
        "SELECT l.event, sum(l.amount_minor), max(l.happened_at) FROM order_ledger l JOIN order_keys k USING (order_key)"
        " WHERE k.vendor_order_id = ? GROUP BY 1 ORDER BY 1",
        story.edited.id,
    )
    first = sum(event.total_minor for event in story.edited.ledger[:-1])

    assert found == [("edit", 1190, story.before.now + 3 * DAY), ("sale", first, story.edited.processed_at)]


def test_two_contacts_that_were_merged_are_one_person_from_then_on(story: Story) -> None:
    people = story.rows(
        "SELECT DISTINCT p.person FROM person_of p JOIN person_keys k USING (key_id) JOIN connections n USING (connection)"
        " WHERE n.name = 'hubspot' AND k.kind = 'id' AND k.key IN (?, ?)",
        story.survivor.hubspot_id,
        story.merged.hubspot_id,
    )

    assert len(people) == 1
    assert story.rows("SELECT count(*) > 0 FROM links WHERE reason = 'vendor_merge'") == [(1,)]


def test_a_withdrawn_consent_is_one_more_state_beside_the_old_one(story: Story) -> None:
    found = story.rows(
        "SELECT c.number, c.state, c.changed_at FROM consents c JOIN connections n ON n.connection = c.connection"
        " JOIN person_keys k ON k.key_id = c.key_id"
        " WHERE n.name = 'mailchimp' AND c.channel LIKE 'email/list:%' AND k.key = ? ORDER BY 1",
        story.withdrew.mailchimp_id,
    )

    assert [row[:2] for row in found] == [(1, "subscribed"), (2, "unsubscribed")]
    assert found[1][2] == story.before.now + 5 * DAY


def test_a_deleted_campaign_is_marked_and_what_it_did_stays(story: Story) -> None:
    assert story.rows("SELECT thing, vendor_id, deleted_at, observed_at FROM deletions WHERE thing = 'campaign'") == [
        ("campaign", story.deleted.id, None, story.before.now + LATER)
    ]
    assert story.rows(
        "SELECT c.status, count(*) > 0 FROM campaigns c JOIN campaign_keys k USING (campaign_key)"
        " JOIN touchpoints t USING (campaign_key) WHERE k.key = ?",
        story.deleted.id,
    ) == [("deleted", 1)]


def test_no_table_of_facts_became_shorter(story: Story) -> None:
    now = {name: story.rows(f"SELECT count(*) FROM {name}")[0][0] for name in story.counts}

    assert all(now[name] >= count for name, count in story.counts.items()), (story.counts, now)
    assert now["orders"] == story.counts["orders"]
