"""Orders by bulk operations: the same store as by pages, whatever order the file's lines come in and whatever goes wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest

from persync.connect.pull import PullResult
from persync.store import parking
from persync_shopify.sandbox import ALL_SCOPES, app
from persync_shopify.sandbox_bulk import Bulk, Outcome
from shopify.bulkshop import DAY, NOW, InProcess, connector, facts, pulled, world

Pages = Callable[..., dict[str, str]]


def shop(bulk: Bulk | None = None, *, count: int = 40, span: int = 90 * DAY, **options: Any) -> InProcess:
    """Return a transport to the imitated shop, in which bulk operations behave as told."""
    return InProcess(app(world(count, span), bulk=bulk or Bulk(), **options))


@pytest.fixture(scope="session")
def by_pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Return the digests of a store that was read in pages; each is read once."""

    @cache
    def read(count: int = 40, span: int = 90 * DAY, protected: bool = True, start: str | None = None) -> dict[str, str]:
        store = tmp_path_factory.mktemp("pages") / "s.db"
        given = {"bulk_over": 10_000} | ({"start": start} if start else {})
        result = pulled(store, connector(world(count, span), **given), shop(count=count, span=span, protected=protected))
        assert result.exit_code == 0
        return facts(store)

    return read


def orders_of(result: PullResult) -> Any:
    return next(each for each in result.streams if each.stream == "orders")


def select(store: Path, sql: str) -> list[Any]:
    with sqlite3.connect(store) as db:
        return db.execute(sql).fetchall()


@pytest.mark.parametrize("order", ["found", "mixed", "reversed"])
@pytest.mark.parametrize("part", [700, 4096, 1_000_000])
def test_bulk_and_pages_give_the_same_store(
    order: Literal["found", "mixed", "reversed"],
    part: int,
    by_pages: Pages,
    tmp_path: Path,
) -> None:
    """Whatever order the lines are in, children before parents, and wherever the parts of the file are cut."""
    bulk = Bulk(order=order)

    result = pulled(tmp_path / "s.db", connector(world(), part=part), shop(bulk))

    assert (result.exit_code, orders_of(result).state, orders_of(result).rejects) == (0, "done", 0)
    assert len(bulk.operations) >= 3
    assert facts(tmp_path / "s.db") == by_pages()
    assert select(tmp_path / "s.db", "SELECT count(*) FROM parked") == [(0,)]


def test_few_orders_are_read_in_pages_and_no_operation_is_started(tmp_path: Path) -> None:
    bulk = Bulk()

    result = pulled(tmp_path / "s.db", connector(world(), bulk_over=40), shop(bulk))

    assert (result.exit_code, bulk.operations) == (0, [])
    assert select(tmp_path / "s.db", "SELECT count(*) FROM orders") == [(40,)]


def test_a_file_is_fetched_in_parts_from_its_own_host_and_without_the_token(tmp_path: Path) -> None:
    bulk = Bulk()
    transport = shop(bulk)

    pulled(tmp_path / "s.db", connector(world(), part=4096), transport)

    asked = transport.storage()
    assert bulk.leaked == []
    assert {call.url.host for call in asked} == {"localhost"}
    assert not any("x-shopify-access-token" in call.headers for call in asked)
    assert len(asked) > len(bulk.operations)
    assert all(call.headers["range"].startswith("bytes=") for call in asked)


def test_the_signed_url_is_never_written_down(tmp_path: Path) -> None:
    """Whoever has it can read the file, with the buyers' addresses in it, for a week."""
    bulk = Bulk(outcomes=("truncated",) * 10)

    pulled(tmp_path / "s.db", connector(world()), shop(bulk))

    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert bulk.operations
    assert not [each for each in bulk.operations if each.signature.encode() in written]


def test_nothing_personal_waits_for_a_slice_to_be_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No address lies in the store in the meantime, not even one that is part of a discount code."""
    shown = world()
    shown.orders[2].discount_codes = ("ONLY-ann@example.com",)

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(parking.Lots, "roots", stop)

    pulled(tmp_path / "s.db", connector(shown), InProcess(app(shown, bulk=Bulk(order="mixed"))))

    waiting = [data for (data,) in select(tmp_path / "s.db", "SELECT data FROM parked")]
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert len(waiting) > 40
    assert b"example.com" not in written.replace(b"https://shop.example.com", b"")
    assert not any("Ann" in data or "customer" in data for data in waiting)


def test_after_the_back_fill_only_what_changed_is_read(tmp_path: Path) -> None:
    """The increment begins before the moment at which the back-fill began, so nothing between is lost."""
    bulk = Bulk()
    shown = world()
    store = tmp_path / "s.db"
    pulled(store, connector(shown), shop(bulk))
    before, begun = facts(store), len(bulk.operations)

    again = pulled(store, connector(shown), shop(bulk), now=NOW + 60_000)

    assert (again.exit_code, again.changed, len(bulk.operations)) == (0, 0, begun)
    assert facts(store) == before
    assert select(store, "SELECT from_at, to_at, state FROM coverage WHERE stream = 'orders'") == [
        (0, NOW + 60_000, "complete")
    ]


def test_a_full_pass_reads_everything_in_bulk_again_and_changes_nothing(tmp_path: Path) -> None:
    bulk = Bulk()
    store = tmp_path / "s.db"
    pulled(store, connector(world()), shop(bulk))
    begun = len(bulk.operations)

    again = pulled(store, connector(world()), shop(bulk), now=NOW + DAY // 2, full=True)

    assert (again.exit_code, again.changed) == (0, 0)
    assert len(bulk.operations) == 2 * begun


def test_a_start_date_reads_what_changed_since_as_pages_do(by_pages: Pages, tmp_path: Path) -> None:
    """An order placed before that day and changed after it is there both ways."""
    bulk = Bulk()

    result = pulled(tmp_path / "s.db", connector(world(), start="2026-08-01"), shop(bulk))

    assert (result.exit_code, bool(bulk.operations)) == (0, True)
    assert facts(tmp_path / "s.db") == by_pages(start="2026-08-01")


def test_hidden_addresses_are_not_taken_for_guests(by_pages: Pages, tmp_path: Path) -> None:
    """An operation that is denied a field fails whole: the orders are then read in pages, field by field."""
    bulk = Bulk()

    result = pulled(tmp_path / "s.db", connector(world()), shop(bulk, protected=False))

    assert (result.exit_code, [each.outcome for each in bulk.operations]) == (0, ["denied"])
    assert facts(tmp_path / "s.db") == by_pages(protected=False)


def test_an_address_that_is_withheld_without_a_word_is_not_taken_for_none(tmp_path: Path) -> None:
    """One order is asked for by itself first: its errors name what this app may not see. What is known of a guest stays."""
    store, bulk = tmp_path / "s.db", Bulk(silent=True)
    pulled(store, connector(world()), shop())
    before = select(store, "SELECT count(key_id) FROM orders")

    result = pulled(store, connector(world()), shop(bulk, protected=False), full=True, streams=("orders",), now=NOW + DAY)

    assert (result.exit_code, {each.outcome for each in bulk.operations}) == (0, {"good"})
    assert before == select(store, "SELECT count(key_id) FROM orders") == [(40,)]


def test_a_missing_scope_skips_the_stream_and_says_which(tmp_path: Path) -> None:
    result = pulled(tmp_path / "s.db", connector(world()), shop(scopes=ALL_SCOPES - {"read_orders"}))

    assert orders_of(result).state == "skipped"
    assert "read_orders" in orders_of(result).reason


@pytest.mark.parametrize(
    ("outcome", "operations"),
    [("internal", 1), ("expired", 1), ("expiring", 1), ("lost", 1), ("truncated", 1), ("resized", 1), ("partial", 1)],
)
def test_a_slice_that_fails_is_run_again_and_never_skipped(
    outcome: Outcome,
    operations: int,
    by_pages: Pages,
    tmp_path: Path,
) -> None:
    good, bad = Bulk(), Bulk(outcomes=(outcome,))
    pulled(tmp_path / "good.db", connector(world()), shop(good))

    result = pulled(tmp_path / "s.db", connector(world()), shop(bad))

    assert (result.exit_code, orders_of(result).rejects) == (0, 0)
    assert len(bad.operations) == len(good.operations) + operations
    if outcome in ("internal", "partial"):
        assert bad.operations[0].served == 0, "partial data is never read"
    assert facts(tmp_path / "s.db") == by_pages()


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("internal", "Shopify fails at the bulk operation"),
        ("truncated", "lines and"),
        ("resized", "bytes, not"),
        ("expiring", "cannot be read"),
        ("partial", "Shopify fails at the bulk operation"),
    ],
)
def test_a_slice_that_keeps_failing_is_a_hole_and_the_next_pull_goes_on_there(
    outcome: Outcome, said: str, by_pages: Pages, tmp_path: Path
) -> None:
    """What was read before is kept; the watermark stays; the slices before are not read again."""
    store = tmp_path / "s.db"
    bad: list[Outcome] = ["good", outcome, outcome, outcome, outcome]

    first = pulled(store, connector(world(60)), shop(Bulk(outcomes=bad), count=60))
    kept = select(store, "SELECT count(*) FROM orders")[0][0]
    hole = select(store, "SELECT state, reason FROM coverage WHERE stream = 'orders'")
    mark = select(store, "SELECT watermark FROM checkpoints WHERE stream = 'orders'")
    later = Bulk()
    second = pulled(store, connector(world(60)), shop(later, count=60), now=NOW + 60_000)

    assert first.exit_code == 3
    assert 0 < kept < 60
    assert (hole[0][0], mark) == ("hole", [(None,)])
    assert said in hole[0][1]
    assert (second.exit_code, orders_of(second).state) == (0, "done")
    assert not any("slice 0-" in each.text.split("\n")[0] for each in later.operations)
    assert select(store, "SELECT state FROM coverage WHERE stream = 'orders'") == [("complete",)]
    assert facts(store) == by_pages(60)


def test_a_cancelled_operation_is_said_and_not_started_again_in_this_run(by_pages: Pages, tmp_path: Path) -> None:
    store, bulk = tmp_path / "s.db", Bulk(outcomes=("cancelled",))

    first = pulled(store, connector(world()), shop(bulk))
    begun = len(bulk.operations)
    second = pulled(store, connector(world()), shop(bulk), now=NOW + 60_000)

    assert "cancelled in Shopify" in orders_of(first).reason
    assert begun == 1
    assert second.exit_code == 0
    assert facts(store) == by_pages()


def test_an_operation_that_takes_too_long_is_asked_for_half_of_the_time(by_pages: Pages, tmp_path: Path) -> None:
    bulk = Bulk(times_out_over=6)

    result = pulled(tmp_path / "s.db", connector(world()), shop(bulk))

    outcomes = [each.outcome for each in bulk.operations]
    assert result.exit_code == 0
    assert outcomes[0] == "timeout"
    assert outcomes.count("good") > 40 // 7
    assert facts(tmp_path / "s.db") == by_pages()


def test_a_slice_too_small_to_halve_is_read_in_pages(by_pages: Pages, tmp_path: Path) -> None:
    bulk, hour = Bulk(times_out_over=0), 3_600_000

    result = pulled(tmp_path / "s.db", connector(world(12, hour), bulk_slice=100), shop(bulk, count=12, span=hour))

    assert result.exit_code == 0
    assert {each.outcome for each in bulk.operations} <= {"timeout", "good"}
    assert facts(tmp_path / "s.db") == by_pages(12, span=hour)


def test_it_waits_while_others_are_in_the_way(by_pages: Pages, tmp_path: Path) -> None:
    bulk, waits = Bulk(busy=3), list[float]()

    result = pulled(tmp_path / "s.db", connector(world()), shop(bulk), waits)

    assert (result.exit_code, waits.count(30.0)) == (0, 3)
    assert facts(tmp_path / "s.db") == by_pages()


def test_it_reads_in_pages_when_the_wait_is_too_long_and_touches_nobody_elses_operation(
    by_pages: Pages, tmp_path: Path
) -> None:
    bulk = Bulk(foreign=["{ products { edges { node { id } } } }"] * 5)
    transport = shop(bulk)

    result = pulled(tmp_path / "s.db", connector(world(), bulk_patience=5), transport)

    assert (result.exit_code, bulk.operations) == (0, [])
    assert sum("PersyncBulkRun" in text for text in transport.texts()) == 11
    assert not any("Cancel" in text for text in transport.texts())
    assert facts(tmp_path / "s.db") == by_pages()


def test_a_refused_text_is_said_with_what_to_do(tmp_path: Path, monkeypatch: Any) -> None:
    from persync_shopify import sandbox_bulk

    monkeypatch.setattr(sandbox_bulk, "problem", lambda text, schema: "Bulk queries cannot be so.")

    result = pulled(tmp_path / "s.db", connector(world()), shop())

    assert "Shopify refuses the bulk operation: Bulk queries cannot be so." in orders_of(result).reason
    assert orders_of(result).error is not None
    assert "bulk_over" in orders_of(result).error.hint


def test_waits_between_polls_grow_to_a_minute(tmp_path: Path) -> None:
    waits: list[float] = []

    pulled(tmp_path / "s.db", connector(world()), shop(Bulk(polls=15)), waits)

    assert waits[0] == 1.0
    assert max(waits) == 60.0
