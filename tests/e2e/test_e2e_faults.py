"""Whatever a vendor answers, a pull recovers or ends with the right exit code, and nothing that was kept is wrong.

Every kind of fault strikes the first, a middle and the last page of a stream of each connector. The pull after it, in peace,
ends with the digest of one that was never disturbed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.faulty import VICTIMS, Bench, Victim, digests, holes, serving, watermarks
from persync.connect import client as door
from persync.connect import connection as engine
from persync.connect.result import PullResult
from persync.errors import AuthError
from persync.sandbox.fault_pages import AFTER_A_PAGE, PAGES
from persync.sandbox.fault_words import WORDS
from persync.sandbox.faults import KINDS, Fault
from persync.sandbox.people import HOUR
from persync.store.store import open_store
from persync_hubspot import crm_readers

REFUSED = {"unauthorised", "token_expired"}
REJECTED = {"missing_field", "changed_type"}
LIES = {"emptied_page", "empty_with_next", "repeated_page"}
"""what a vendor can be caught at once, and no more where the next fault hides it: alone in their tests"""
ODD = {("throttled_403", "shopify"): "refused", ("throttled_403", "hubspot"): "hole", ("forbidden", ""): "skipped"}
"""(kind, connection or all): how it ends, where it is not as with the others"""


def ending(kind: str, connection: str) -> str:
    """Say how a pull with one such fault must end: healed, noted, hole, skipped, rejects or refused."""
    if kind in REFUSED:
        return "refused"
    if kind in REJECTED:
        return "rejects"
    if kind == "expired_cursor":
        return "hole"
    if kind == "endless_next":
        # A total without end ends with the pages; a link to itself does not.
        return "noted" if connection == "mailchimp" else "hole"
    return ODD.get((kind, connection)) or ODD.get((kind, "")) or "healed"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with serving(tmp_path_factory.mktemp("faults")) as found:
        yield found


@pytest.fixture(autouse=True)
def impatient(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(door, "TIMEOUT", httpx.Timeout(0.4))
    monkeypatch.setattr(engine, "EMPTY_PAGES", 20)
    monkeypatch.setattr(crm_readers, "LIST_LIMIT", 6)
    bench.faults.clear()
    yield
    bench.faults.clear()


def fault(victim: Victim, kind: str, after: int, times: int | None = 1) -> Fault:
    seconds = {"hang": 0.6, "slow": 0.02, "slow_body": 0.02}.get(kind)
    wait = {"too_many_for": 7.0, "too_many_until": 9.0}.get(kind)
    return Fault(kind, match=victim.match, body=victim.body, after=after, times=times, retry_after=wait, seconds=seconds)


def bad(result: PullResult) -> dict[str, str]:
    return {one.stream: one.state for one in result.streams if one.state != "done"}


def said(result: PullResult) -> list[str]:
    return [str(error) for error in (*result.errors, *(one.error for one in result.streams if one.error))]


def cases() -> list[tuple[str, str]]:
    """Return (kind, victim): each kind on each connector, and what concerns pages on offsets too."""
    paged = {*PAGES, *AFTER_A_PAGE, "error_inside", "expired_cursor", "truncated"}
    return [(kind, name) for kind in KINDS for name in VICTIMS if name != "mailchimp-offsets" or kind in paged]


@pytest.mark.parametrize(("kind", "name"), cases())
def test_a_bad_answer_is_got_over_or_said_and_the_next_pull_has_it_all(
    bench: Bench, tmp_path: Path, kind: str, name: str
) -> None:
    peace, victim = bench.in_peace(name), VICTIMS[name]
    pages = bench.calls[name] - (kind in AFTER_A_PAGE)  # the first page has none before it
    assert pages >= 2
    ends = ending(kind, victim.connection)
    for after in sorted({0, pages // 2, pages - 1}):
        path = bench.store(tmp_path / f"{after}.db")
        bench.faults.clear()
        bench.faults.add(fault(victim, kind, after))

        result = bench.pull(victim, path)

        assert [struck for struck, _ in bench.faults.struck] == [kind], after
        waited = list(bench.slept)
        bench.faults.clear()
        assert all("\n" not in line and line.startswith(f"{victim.connection}, ") for line in said(result)), said(result)
        if ends in ("healed", "noted"):
            assert (result.exit_code, bad(result)) == (0, {}), said(result)
            assert {table for table, value in digests(path).items() if value != peace[table]} <= (
                {"coverage"} if ends == "noted" else set()
            )
        elif ends == "hole":
            assert result.exit_code == 3
            assert bad(result) == {victim.stream: "failed" if after == 0 and kind != "endless_next" else "partial"}
            assert watermarks(path, victim.stream) in ([], [None])
            assert {stream for stream, _ in holes(path)} == {victim.stream}
        elif ends == "skipped":
            assert (result.exit_code, bad(result)) == (0, {victim.stream: "skipped"})
            assert watermarks(path, victim.stream) in ([], [None])
            assert {stream for stream, _ in holes(path)} == {victim.stream}
        elif ends == "refused":
            assert result.exit_code == 4
            assert bad(result)[victim.stream] in ("failed", "partial")
            assert watermarks(path, victim.stream) in ([], [None])
        else:
            assert (result.exit_code, bad(result), sum(one.rejects for one in result.streams)) == (3, {}, 1)
        if kind == "new_field" and after == 0:
            assert any("brand_new" in field for one in result.streams for field in one.unread)
        if kind == "too_many_for":
            assert max(waited) >= 7.0
        if kind == "too_many_until":
            assert max(waited) >= 8.0
        if ends == "healed":
            continue  # all of it was compared already
        again = bench.pull(victim, path, rejects=ends == "rejects")
        assert again.exit_code == 0, said(again)
        assert digests(path) == peace, after


@pytest.mark.parametrize("name", list(VICTIMS))
@pytest.mark.parametrize("kind", ["bad_json", "truncated", "repeated_page", "broken", "reset"])
def test_what_is_wrong_again_and_again_is_a_hole_and_no_watermark_moves(
    bench: Bench, tmp_path: Path, name: str, kind: str
) -> None:
    peace, victim, path = bench.in_peace(name), VICTIMS[name], bench.store(tmp_path / "p.db")
    bench.faults.add(fault(victim, kind, 0 if kind in AFTER_A_PAGE else 1, times=None))

    result = bench.pull(victim, path)

    bench.faults.clear()
    assert result.exit_code == 3
    assert bad(result) == {victim.stream: "partial"}
    assert watermarks(path, victim.stream) == [None]
    assert {stream for stream, _ in holes(path)} == {victim.stream}
    assert bench.pull(victim, path).exit_code == 0
    assert digests(path) == peace


@pytest.mark.parametrize("name", ["mailchimp", "shopify", "hubspot"])
def test_a_stream_that_cannot_be_read_stops_no_other(bench: Bench, tmp_path: Path, name: str) -> None:
    victim, path = VICTIMS[name], bench.store(tmp_path / "p.db")
    bench.faults.add(fault(victim, "broken", 1, times=None))

    result = bench.pull(victim, path, streams=())

    bench.faults.clear()
    assert result.exit_code == 3
    assert {stream for stream, state in bad(result).items() if state != "skipped"} == {victim.stream}
    assert bad(result)[victim.stream] == "partial"
    assert sum(one.pages for one in result.streams if one.stream != victim.stream) > 5


@pytest.mark.parametrize("name", ["mailchimp", "hubspot"])
def test_a_token_that_ends_in_the_middle_is_exit_4_and_no_page_is_asked_for_again(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    peace, victim, path = bench.in_peace(name), VICTIMS[name], bench.store(tmp_path / "p.db")
    bench.faults.add(fault(victim, "token_expired", 2))
    first = bench.pull(victim, path)
    bench.faults.clear()

    second = bench.pull(victim, path)

    assert (first.exit_code, second.exit_code) == (4, 0)
    assert isinstance(first.errors[0], AuthError)
    read = [next(one.pages for one in result.streams if one.stream == victim.stream) for result in (first, second)]
    assert read == [2, bench.calls[name] - 2]
    assert digests(path) == peace


def test_a_granted_token_that_ends_in_the_middle_is_asked_for_anew(bench: Bench, tmp_path: Path) -> None:
    peace, victim, path = bench.in_peace("shopify"), VICTIMS["shopify"], bench.store(tmp_path / "p.db")
    token = bench.connector(victim).secret_values["token"]
    secret = token.removeprefix("shpat_sandbox_")
    granted = bench.connector(victim, {"client_id": f"sandbox-{secret[:16]}", "client_secret": f"shpss_sandbox_{secret}"})
    bench.faults.add(fault(victim, "token_expired", 1, times=None))
    bench.faults.add(Fault("slow", match="oauth/access_token", times=None, seconds=0.0))

    result = bench.pull(victim, path, connector=granted)

    kinds = [kind for kind, _ in bench.faults.struck]
    assert (result.exit_code, kinds.count("token_expired"), kinds.count("slow")) == (0, 1, 2)
    assert digests(path) == peace


@pytest.mark.parametrize("name", ["mailchimp", "shopify", "hubspot"])
@pytest.mark.parametrize("hours", [60, -60])
def test_a_clock_that_is_hours_off_moves_no_watermark_beyond_the_vendors_now(
    bench: Bench, tmp_path: Path, name: str, hours: int
) -> None:
    peace, victim, path = bench.in_peace(name), VICTIMS[name], bench.store(tmp_path / "p.db")
    off = hours * HOUR

    result = bench.pull(victim, path, now=bench.now + off, clock=lambda: time.time() + off / 1000)

    assert result.exit_code == 0
    (mark,) = watermarks(path, victim.stream)
    assert mark is not None
    # Dates are in whole seconds, and an answer takes its time; two minutes are left to HubSpot's index.
    assert abs(mark - bench.now - min(off, 0)) <= 3 * 60_000
    again = bench.pull(victim, path)
    assert again.exit_code == 0
    assert {table for table, value in digests(path).items() if value != peace[table]} == set()


@pytest.mark.parametrize("name", list(VICTIMS))
@pytest.mark.parametrize("seed", range(5))
def test_after_a_bad_day_and_a_few_pulls_everything_is_there(bench: Bench, tmp_path: Path, name: str, seed: int) -> None:
    """Several faults at any call of the connection, some of them more than once."""
    peace, victim, path = bench.in_peace(name), VICTIMS[name], bench.store(tmp_path / "p.db")
    draw = random.Random(f"{seed} {name}")
    kinds = [kind for kind in KINDS if kind not in ("hang", *REJECTED, *LIES)]
    for _ in range(draw.randint(3, 6)):
        kind, own = draw.choice(kinds), draw.random() < 0.7
        where = victim if own else Victim(victim.connection, "", ())
        bench.faults.add(fault(where, kind, draw.randrange(8), times=draw.choice((1, 1, 2, 7))))

    codes = [bench.pull(victim, path).exit_code for _ in range(4)]
    bench.faults.clear()
    codes.append(bench.pull(victim, path).exit_code)

    assert set(codes) <= {0, 1, 3, 4, 5}
    assert codes[-1] == 0
    assert digests(path) == peace


def test_every_kind_is_told() -> None:
    assert tuple(sorted(WORDS)) == KINDS
    assert len(KINDS) >= 18


def test_the_store_of_a_pull_in_peace_has_no_holes(bench: Bench) -> None:
    for name in VICTIMS:
        bench.in_peace(name)
        with open_store(bench.folder / f"{name}.db") as store:
            assert store.db.execute("SELECT count(*) FROM coverage WHERE state != 'complete' OR reason != ''").fetchone() == (
                0,
            )
