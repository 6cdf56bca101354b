"""The pieces of bulk operations by themselves: states, lines, slices, and a start whose answer got lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from persync.connect import HOUR_MS
from persync.errors import ResponseError
from persync_shopify.bulk_jobs import Job, first_line, job_of, started
from persync_shopify.bulk_lines import read_lines
from persync_shopify.bulk_slices import Slice
from persync_shopify.sandbox import app
from persync_shopify.sandbox_bulk import Bulk
from shopify.bulkshop import InProcess, connector, facts, pulled, world

DAY = 86_400_000


def job(**more: Any) -> Job:
    given: dict[str, Any] = {"id": "1", "status": "COMPLETED", "error": None, "objects": 1, "roots": 1, "size": 9, "url": "u"}
    return Job(**{**given, "partial": False, **more})


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (job(), "done"),
        (job(status="CREATED"), "runs"),
        (job(status="RUNNING"), "runs"),
        (job(status="CANCELING"), "cancelled"),
        (job(status="CANCELED", partial=True), "cancelled"),
        (job(status="EXPIRED"), "gone"),
        (job(status="FAILED", error="TIMEOUT", partial=True), "timeout"),
        (job(status="FAILED", error="ACCESS_DENIED"), "denied"),
        (job(status="FAILED", error="INTERNAL_SERVER_ERROR"), "failed"),
        (job(status="FAILED"), "failed"),
        (job(status="A_LATER_ONE"), "failed"),
        (job(error="TIMEOUT"), "timeout"),
        (job(partial=True), "failed"),
    ],
)
def test_an_operation_is_done_only_without_error_and_partial_data(made: Job, verdict: str) -> None:
    assert made.verdict == verdict


@pytest.mark.shared
def test_shopifys_states_are_read_with_their_counts_as_numbers(shared: Path) -> None:
    states = orjson.loads((shared / "specs/samples/shopify/bulk_poll_states.synthetic.json").read_bytes())

    found = [job_of(orjson.dumps(state)) for state in states]

    assert [each and (each.verdict, each.objects, each.size, each.partial) for each in found] == [
        ("runs", 1200, None, False),
        ("done", 12, 11759, False),
        ("done", 0, None, False),
        ("timeout", 1200, None, True),
        ("denied", 1200, None, False),
        ("cancelled", 1200, None, True),
    ]


@pytest.mark.shared
def test_a_sample_file_has_the_lines_orders_and_bytes_of_its_state(shared: Path) -> None:
    """Escaped slashes, children out of order, a discount without an id."""
    samples = shared / "specs/samples/shopify"
    body = (samples / "orders_bulk.synthetic.jsonl").read_bytes()
    state = job_of(orjson.dumps(orjson.loads((samples / "bulk_poll_states.synthetic.json").read_bytes())[1]))

    found = read_lines(body)

    assert state is not None
    assert (found.lines, found.roots, len(body)) == (state.objects, state.roots, state.size)
    records = {record["key"]: record["parent"] for record in orjson.loads(found.records)}
    assert records["Order/5003/LineItem/6031"] == "Order/5003"
    assert [key for key in records if "Discount/" in key] == ["Order/5001/Discount/0"]
    assert sum(parent is None for parent in records.values()) == 5


@pytest.mark.shared
def test_the_answers_to_a_start_are_read(shared: Path) -> None:
    samples = shared / "specs/samples/shopify"

    assert started((samples / "bulk_run_ok.fixture.json").read_bytes()) == (
        "gid://shopify/BulkOperation/4046733967549",
        False,
        "",
    )
    op, busy, words = started((samples / "bulk_run_conflict.fixture.json").read_bytes())
    assert (op, busy) == (None, True)
    assert "already in progress" in words


@pytest.mark.parametrize("code", ["OPERATION_IN_PROGRESS", "LIMIT_REACHED"])
def test_a_busy_shop_is_told_by_its_code(code: str) -> None:
    errors = [{"field": None, "message": "Later.", "code": code}]
    answer = {"data": {"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": errors}}}

    assert started(orjson.dumps(answer)) == (None, True, "Later.")


@pytest.mark.parametrize("errors", [7, "no", [None], [{"code": ["x"], "message": {}}]])
def test_a_refusal_of_another_form_starts_nothing(errors: Any) -> None:
    answer = {"data": {"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": errors}}}

    assert started(orjson.dumps(answer))[:2] == (None, False)


def test_an_operation_of_another_form_has_failed_and_has_no_file() -> None:
    node = {"id": 1, "status": "COMPLETED", "errorCode": ["x"], "url": 1.5, "objectCount": {}}
    job = job_of(orjson.dumps({"data": {"bulkOperation": node}}))

    assert job is not None
    assert (job.verdict, job.url, job.objects) == ("failed", None, None)


@pytest.mark.parametrize("line", [b'{"id":', b"[]", b'{"name": "no id"}', b'{"__parentId": "gid://shopify/Order/1"}', b"7"])
def test_a_damaged_line_is_an_error(line: bytes) -> None:
    with pytest.raises(ResponseError, match="damaged"):
        read_lines(b'{"id":"gid:\\/\\/shopify\\/Order\\/1"}\n' + line + b"\n")


def test_the_mark_of_an_operation_is_its_first_line() -> None:
    assert [first_line(text) for text in ("# ours \n{ orders }", "{ orders }", None)] == ["# ours", "{ orders }", ""]


def test_slices_follow_each_other_to_the_end_and_fit_the_shops_pace() -> None:
    """Half of the orders of the first year, then ten times as many: the slices become narrower, by a quarter at the most."""
    slices = [Slice.first(0, 400 * DAY, 4_000, 1_000)]
    while (piece := slices[-1].following(400 * DAY, 1_000 if slices[-1].start < 200 * DAY else 10_000, 1_000)) is not None:
        slices.append(piece)

    assert slices[0] == Slice(0, 100 * DAY, 100 * DAY, 1_000)
    assert [each.start for each in slices[1:]] == [each.end for each in slices[:-1]]
    assert slices[-1].end == 400 * DAY
    assert [each.width // DAY for each in slices[:4]] == [100, 100, 100, 25]


def test_a_slice_without_orders_makes_the_next_one_wider() -> None:
    piece = Slice(0, DAY, DAY, 100).following(100 * DAY, 0, 100)

    assert piece == Slice(DAY, 5 * DAY, 4 * DAY, 100)


def test_a_halved_slice_keeps_its_beginning_and_the_next_ones_grow_slowly_again() -> None:
    half = Slice(0, 10 * DAY, 10 * DAY, 1_000).half()

    assert half == Slice(0, 5 * DAY, 5 * DAY, 500)
    assert half is not None
    following = half.following(100 * DAY, 500, 1_000)
    assert following is not None
    assert (following.target, following.width) == (626, 5 * DAY * 626 // 500)


def test_a_slice_is_not_halved_below_an_hour() -> None:
    assert Slice(DAY, DAY + HOUR_MS, HOUR_MS, 10).half() is None
    assert Slice(0, DAY, 2 * HOUR_MS, 10).half() == Slice(0, DAY - HOUR_MS, HOUR_MS, 5)


class LosesAnswers(InProcess):
    """Hands a start on to the shop and then breaks the connection, or sends a damaged answer, so many times."""

    def __init__(self, application: Any, times: int, *, damaged: bool = False) -> None:
        super().__init__(application)
        self.times = times
        self.damaged = damaged

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        if b"PersyncBulkRun" in request.content and self.times:
            self.times -= 1
            if self.damaged:
                return httpx.Response(200, content=answer.content[:40])
            raise httpx.ReadError("broken", request=request)
        return answer


@pytest.mark.parametrize("damaged", [False, True])
def test_an_operation_whose_start_got_no_answer_is_found_and_not_started_again(damaged: bool, tmp_path: Path) -> None:
    good, bulk = Bulk(), Bulk()
    pulled(tmp_path / "good.db", connector(world()), InProcess(app(world(), bulk=good)))

    result = pulled(tmp_path / "s.db", connector(world()), LosesAnswers(app(world(), bulk=bulk), 1, damaged=damaged))

    assert result.exit_code == 0
    assert len(bulk.operations) == len(good.operations)
    assert facts(tmp_path / "s.db") == facts(tmp_path / "good.db")
