"""Every call the connector makes and every answer the sandbox gives, held against Mailchimp's own OpenAPI file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from mailchimp.mailchimp_spec import Specification, read
from persync.connect.page import Shaper
from persync.connect.stream import Step, Stream
from persync.sandbox.world import World
from persync_mailchimp.connector import Mailchimp
from persync_mailchimp.imitation.quirks import Quirks

pytestmark = pytest.mark.shared

LIST = "0a1b2c3d4e"


def _path(error: Any) -> list[str]:
    return [part for part in error.absolute_path if isinstance(part, str)]


FAULTS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "merge_fields": (
        "values are typed as objects; most are text, numbers, or null where nothing was filled in",
        lambda error: "merge_fields" in _path(error),
    ),
    "empty_date": (
        "dates are typed as date-time; absent ones are ''",
        lambda error: error.instance == "" and error.validator == "format",
    ),
    "draft_send_time": (
        "`send_time` is typed as text; that of a draft is null",
        lambda error: _path(error)[-1:] == ["send_time"] and error.instance is None,
    ),
    "absplit_group": (
        "the enum lacks '', which everybody has who was in no test",
        lambda error: _path(error)[-1:] == ["absplit_group"] and error.instance == "",
    ),
    "campaign_type": (
        "the enum lacks the types of automations",
        lambda error: _path(error)[-1:] == ["type"] and str(error.instance).startswith("automation"),
    ),
}
"""Where real answers and the file differ: {name: (what, which errors it explains)}."""

ITEMS = {"ChangedPages": "members", "ReportPages": "reports"}
"""where the records stand that a reader of its own finds"""

ANSWERS = (
    "/",
    "/ping",
    "/lists",
    "/lists/{list_id}",
    "/lists/{list_id}/merge-fields",
    "/lists/{list_id}/segments",
    "/lists/{list_id}/interest-categories",
    "/lists/{list_id}/interest-categories/{interest_category_id}/interests",
    "/lists/{list_id}/members",
    "/campaigns",
    "/campaigns/{campaign_id}",
    "/campaigns/{campaign_id}/content",
    "/automations",
    "/automations/{workflow_id}/emails",
    "/reports",
    "/reports/{campaign_id}",
    "/reports/{campaign_id}/sub-reports",
    "/reports/{campaign_id}/sent-to",
    "/reports/{campaign_id}/email-activity",
    "/reports/{campaign_id}/open-details",
    "/reports/{campaign_id}/click-details",
    "/reports/{campaign_id}/unsubscribed",
    "/reports/{campaign_id}/abuse-reports",
    "/reports/{campaign_id}/ecommerce-product-activity",
    "/ecommerce/stores",
    "/ecommerce/orders",
    "/ecommerce/stores/{store_id}/orders",
    "/ecommerce/stores/{store_id}/carts",
    "/ecommerce/stores/{store_id}/products",
    "/ecommerce/stores/{store_id}/promo-rules",
    "/ecommerce/stores/{store_id}/promo-rules/{promo_rule_id}/promo-codes",
    "/batches",
)


@pytest.fixture(scope="session")
def specification(shared: Path) -> Specification:
    file = shared / "specs" / "mailchimp-marketing.openapi.json"
    if not file.is_file():
        pytest.skip("the official OpenAPI file is not here")
    return read(file.read_bytes())


class Watched(httpx.BaseTransport):
    """Passes calls on and keeps every call with its answer."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner
        self.seen: list[tuple[httpx.Request, httpx.Response]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.inner.handle_request(request)
        self.seen.append((request, answer))
        return answer

    def calls(self) -> Iterator[tuple[str, str, dict[str, str], Any, int, bytes]]:
        """Yield (method, path, query, body, status, answer) of every call, those inside batches among them."""
        for request, answer in self.seen:
            path = request.url.path.removeprefix("/3.0") or "/"
            if path.startswith("/batch-results/"):
                yield from _unpacked(answer.content)
                continue
            body = orjson.loads(request.content) if request.method == "POST" else None
            yield request.method, path, dict(request.url.params), body, answer.status_code, answer.content
            for operation in (body or {}).get("operations", ()):
                params = {name: str(value) for name, value in operation["params"].items()}
                yield operation["method"], operation["path"], params, None, 0, b""


def _unpacked(archive: bytes) -> Iterator[tuple[str, str, dict[str, str], Any, int, bytes]]:
    from persync_mailchimp.batch import _results

    for result in _results(archive):
        answer = (result.get("response") or "").encode()
        page = orjson.loads(answer)
        stream = {"sent_to": "sent-to", "emails": "email-activity", "members": "open-details"}[
            next(name for name in ("sent_to", "emails", "members") if name in page)
        ]
        yield "GET", f"/reports/{page.get('campaign_id', 'x')}/{stream}", {}, None, result["status_code"], answer


@pytest.fixture
def watched(rich: World, imitated: Any, pulls: Any) -> Watched:
    """Two pulls of everything, the second with the periodic streams; heavy campaigns by batches."""
    account = imitated(rich, batch_over=1)
    store = pulls(account)
    watch = Watched(account.transport)
    account.client = lambda connector, stop=None: _client(connector, stop, watch)
    store.pull()
    rich.messages[0].sends[1].clicks = list(rich.messages[0].sends[0].clicks)
    store.pull(full=True)
    with account.client(account.connector) as client:
        list(account.connector.check(client))
        list(account.connector.totals(client, None))
    return watch


def _client(connector: Any, stop: Any, transport: httpx.BaseTransport) -> Any:
    from persync.connect.client import Client

    return Client(connector, stop=stop, sleep=lambda seconds: False, transport=transport)


def test_every_call_fits_the_official_file(watched: Watched, specification: Specification) -> None:
    calls = list(watched.calls())
    problems = {p for method, path, query, body, _, _ in calls for p in specification.call_problems(method, path, query, body)}

    assert problems == set()
    called = {(method, specification.path_of(path)) for method, path, *_ in calls}
    # Every stream was seen, and no other call than a batch is a POST.
    assert {("GET", f"/{stream.path}") for stream in Mailchimp.streams} <= called
    assert {path for method, path in called if method != "GET"} == {"/batches"}


def test_every_field_asked_for_is_in_the_official_file(specification: Specification) -> None:
    unknown = {
        (stream.name, field)
        for stream in Mailchimp.streams
        for field in stream.params.get("fields", "").split(",")
        if field and field not in specification.fields_of(f"/{stream.path}")
    }

    assert unknown == set()


@pytest.mark.parametrize("stream", Mailchimp.streams, ids=lambda stream: stream.name)
def test_no_field_of_the_official_file_is_new(stream: Stream, specification: Specification) -> None:
    """Whatever Mailchimp documents of what is asked for is read, or known to be of no use: only what it adds later is told."""
    at = getattr(getattr(stream.reader, "pages", stream.reader), "at", ITEMS.get(type(stream.reader).__name__, ""))
    asked = [field for field in stream.params.get("fields", "").split(",") if field]
    record: dict[str, Any] = {}
    for field in specification.fields_of(f"/{stream.path}"):
        wanted = any(f"{field}.".startswith(f"{one}.") or f"{one}.".startswith(f"{field}.") for one in asked)
        left_out = any(f"{field}.".startswith(f"{one}.") for one in stream.params.get("exclude_fields", "").split(",") if one)
        if (wanted or not asked) and not left_out and f"{field}.".startswith(f"{at}." if at else ""):
            place = record
            for name in field.removeprefix(at).strip(".").split(".") if field != at else ():
                place = place.setdefault(name, {})

    found = Shaper(stream).unread(Step(orjson.dumps([record]), (), None))

    assert record
    assert found == set()


def test_every_answer_fits_the_official_file(watched: Watched, specification: Specification) -> None:
    problems = set()
    for method, path, query, _, status, answer in watched.calls():
        if status == 200:
            known = specification.path_of(path)
            assert known is not None
            errors = specification.answer_errors(method, known, orjson.loads(answer))
            # Of a narrowed answer nothing is required.
            found = unexplained([error for error in errors if error.validator != "required" or "fields" not in query])
            problems.update(f"{known}: {problem}" for problem in found)

    assert problems == set()
    assert {status for *_, status, _ in watched.calls()} == {0, 200}


def unexplained(errors: list[Any], met: set[str] | None = None) -> list[str]:
    found = []
    for error in errors:
        faults = [name for name, (_, explains) in FAULTS.items() if explains(error)]
        if met is not None:
            met.update(faults)
        if not faults:
            found.append(f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}")
    return found


@pytest.fixture
def whole(rich: World, imitated: Any) -> Callable[[str], Iterator[Any]]:
    """Answer a documented path in full, once for each thing it may name."""
    # A member with an address that is filled in, and a draft, an automation, tests of both kinds, RSS and a resend.
    rich.merge_field_types["HOME"] = "address"
    rich.people[1].merge_fields["HOME"] = "AT"
    account = imitated(rich, Quirks(untracked={"00000000d4": "oc"}))
    campaigns = [message.id for message in rich.messages if message.platform == "mailchimp"]
    stores = [one["id"] for one in account.get("/ecommerce/stores")[1]["stores"]]
    names = {
        "list_id": [LIST],
        "interest_category_id": [account.get(f"/lists/{LIST}/interest-categories")[1]["categories"][0]["id"]],
        "campaign_id": campaigns,
        "workflow_id": [one["id"] for one in account.get("/automations")[1]["automations"]],
        "store_id": stores,
        "promo_rule_id": [one["id"] for one in account.get(f"/ecommerce/stores/{stores[0]}/promo-rules")[1]["promo_rules"]],
    }

    def answers(path: str) -> Iterator[Any]:
        used = [name for name in names if f"{{{name}}}" in path]
        last = used[-1] if used else ""
        for value in names.get(last, [""]):
            given = {name: values[0] for name, values in names.items()} | {last: value}
            status, answer = account.get(path.format(**{k: v for k, v in given.items() if k}), count="1000")
            assert status == 200
            yield answer

    return answers


@pytest.mark.parametrize("path", ANSWERS)
def test_whole_answers_fit_the_official_file(whole: Any, specification: Specification, path: str) -> None:
    problems = [p for answer in whole(path) for p in unexplained(specification.answer_errors("GET", path, answer))]

    assert problems == []


def test_every_known_fault_is_met(whole: Any, specification: Specification) -> None:
    met: set[str] = set()
    for path in ANSWERS:
        for answer in whole(path):
            unexplained(specification.answer_errors("GET", path, answer), met)

    assert met == set(FAULTS)


def test_the_file_notices_what_is_wrong(whole: Any, specification: Specification) -> None:
    (answer,) = whole("/reports")
    answer["reports"][1]["emails_sent"] = "many"

    assert unexplained(specification.answer_errors("GET", "/reports", answer)) == [
        "reports.1.emails_sent: 'many' is not of type 'integer'"
    ]
    wrong = {"count": "1001", "offset": "x", "status": "deleted", "page": "1", "fields": "a,b", "vip_only": "yes"}
    assert list(specification.call_problems("GET", f"/lists/{LIST}/members", wrong)) == [
        "/lists/{list_id}/members: count is more than 1000: 1001",
        "/lists/{list_id}/members: offset is no integer: x",
        "/lists/{list_id}/members: status is not one of "
        "['subscribed', 'unsubscribed', 'cleaned', 'pending', 'transactional', 'archived']: deleted",
        "/lists/{list_id}/members: unknown parameter page",
        "/lists/{list_id}/members: vip_only is no boolean: yes",
    ]
    assert list(specification.call_problems("GET", "/nothing", {})) == ["/nothing: unknown path"]
    assert list(specification.call_problems("POST", "/reports", {})) == ["/reports: no POST"]
    batch = {"operations": [{"method": "READ", "path": 7}]}
    assert len(list(specification.call_problems("POST", "/batches", {}, batch))) == 2
    date = {"since_send_time": "2024-01-01T00:00:00"}
    assert len(list(specification.call_problems("GET", "/reports", date))) == 1


def test_every_error_is_a_problem_document(rich: World, imitated: Any, specification: Specification) -> None:
    account = imitated(rich, Quirks(slow_above=100))
    calls: list[tuple[int, Any]] = [
        account.get("/nothing"),
        account.get("/reports/ffffffffff"),
        account.get("/lists", count="many"),
        account.get("/lists", count="1000"),
        account.get("/ping", key="0" * 32 + "-us0"),
    ]

    assert [status for status, _ in calls] == [404, 404, 400, 500, 401]
    for _, problem in calls:
        assert [error.message for error in specification.problem_errors(problem)] == []
