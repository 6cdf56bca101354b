"""What `persync reconcile` says of the store beside the vendor's own totals."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from core.cli.post import Post, office, post
from persync.cli import root
from persync.connect import AccountFacts, Total
from persync.connect.client import Client
from persync.connect.totals import Compared
from persync.errors import AuthError, DataError, PersyncError, ResponseError
from persync.jobs.reconciling import Held, reconcile_one
from persync.testing import FakeApi, pull_once, quick_client

LETTERS = "SELECT count(*) FROM campaigns WHERE connection = :connection AND kind = :kind"
KIND = {"kind": "letter"}


def reconciled(api: FakeApi, store: Path, *told: Total, tolerance: float | None = None) -> Held:
    """Compare a connection whose vendor tells these totals."""
    connector = post()
    connector.totals = lambda client, account: iter(told)  # type: ignore[method-assign]
    make = quick_client(api)
    return reconcile_one(connector, store, tolerance=tolerance, client=lambda one: make(one, threading.Event()))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with ten letters, five readers each."""
    pull_once(tmp_path / "s.db", [post()], office(letters=10, readers=5))
    return tmp_path / "s.db"


@pytest.mark.parametrize(
    ("value", "tolerance", "override", "verdict", "difference"),
    [
        (10, 0.0, None, "same", 0),
        (11, 0.0, None, "gap", -1),
        (9, 0.0, None, "gap", 1),
        (11, 0.1, None, "within tolerance", -1),
        (11, 0.1, 0.0, "gap", -1),
        (11, 0.0, 0.1, "within tolerance", -1),
        (0, 0.5, None, "gap", 10),
        (None, 0.0, None, "not told", None),
    ],
)
def test_a_total_is_held_against_the_store(
    store: Path, value: int | None, tolerance: float, override: float | None, verdict: str, difference: int | None
) -> None:
    total = Total("letters", "all", value, LETTERS, KIND, tolerance=tolerance)

    held = reconciled(office(), store, total, tolerance=override)

    assert held == Held("post", [Compared("post", total, 10, verdict)])  # type: ignore[arg-type]
    assert held.compared[0].difference == difference


def test_a_sum_over_nothing_is_zero_and_the_store_is_only_read(store: Path) -> None:
    before = store.read_bytes()
    revenue = "SELECT sum(amount_minor) FROM order_ledger JOIN order_keys USING (order_key) WHERE connection = :connection"
    nothing = Total("revenue", "all", 0, revenue)
    writes = Total("letters", "all", 10, "DELETE FROM campaigns RETURNING 10")

    assert [one.verdict for one in reconciled(office(), store, nothing).compared] == ["same"]
    assert "cannot be computed: attempt to write a readonly database." in str(reconciled(office(), store, writes).error)
    assert store.read_bytes() == before


@pytest.mark.parametrize("sql", ["SELECT nothing", "SELECT 'many'", "SELECT 0.5"])
def test_a_total_whose_sql_gives_no_number_is_the_connectors_fault(store: Path, sql: str) -> None:
    held = reconciled(office(), store, Total("letters", "all", 1, sql))

    assert held.error is not None
    assert str(held.error).startswith("post: the store's side of 'letters' (all) cannot be computed: ")


class Signed(Post):
    """Its own check makes a call."""

    def check(self, client: Client) -> Iterator[tuple[str, str]]:
        yield "letters", str(client.get_json("letters", {"count": "1", "offset": "0"})["total_items"])


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, "", AuthError),
        (403, "", DataError),
        (400, "", DataError),
        (200, "[]", DataError),
        (200, '{"total_items": 1}', DataError),
    ],
)
def test_before_the_first_pull_a_refused_sign_in_is_said_and_nothing_else(
    tmp_path: Path, status: int, body: str, error: type[PersyncError]
) -> None:
    api = office()
    api.answers["/letters"] = lambda request: httpx.Response(status, content=body)
    make = quick_client(api)

    held = reconcile_one(
        Signed("post", post().settings, {}), tmp_path / "none.db", client=lambda one: make(one, threading.Event())
    )

    assert type(held.error) is error
    assert str(held.error).startswith("post: nothing was pulled" if error is DataError else "post, GET letters: the token was")
    assert not (tmp_path / "none.db").exists()


def test_a_connection_that_was_never_pulled_says_so(tmp_path: Path) -> None:
    api = office()

    held = reconciled(api, tmp_path / "none.db", Total("letters", "all", 1, LETTERS, KIND))

    assert str(held.error) == "post: nothing was pulled of it yet. Run `persync pull post` first."
    assert (api.calls, (tmp_path / "none.db").exists()) == ([], False)


def test_what_was_told_before_an_error_is_still_compared(store: Path) -> None:
    class Half(Post):
        def totals(self, client: Client, account: AccountFacts) -> Iterator[Total]:
            yield Total("letters", "all", 10, LETTERS, KIND)
            raise ResponseError("no more is told.")

    make = quick_client(office())
    held = reconcile_one(Half("post", post().settings, {}), store, client=lambda one: make(one, threading.Event()))

    assert ([one.verdict for one in held.compared], str(held.error)) == (["same"], "post: no more is told.")


def test_the_vendor_is_asked_through_the_connections_own_client(store: Path) -> None:
    class Counting(Post):
        def totals(self, client: Client, account: AccountFacts) -> Iterator[Total]:
            told = client.get_json("letters", {"count": "0", "offset": "0"})["total_items"]
            yield Total("letters", "all", told, LETTERS, KIND)

    make = quick_client(office(letters=12))
    held = reconcile_one(Counting("post", post().settings, {}), store, client=lambda one: make(one, threading.Event()))

    assert [(one.stored, one.total.value, one.verdict) for one in held.compared] == [(10, 12, "gap")]


# -- the command ----------------------------------------------------------------------------------------------------------

GAP = Compared("shop", Total("revenue", "2026-10", 12345, "", currency="EUR", hint="Pull October again."), 12000, "gap")
SAME = Compared("shop", Total("orders", "all", 1500, ""), 1500, "same")
NEAR = Compared("news", Total("opens", "campaign c1", 1000, "", tolerance=0.05), 990, "within tolerance")
NO_ORDERS = "there are no orders to reconcile. Pull a shop, or ask for another period."
UNTOLD = Compared("news", Total("clicks", "campaign c1", None, ""), 7, "not told")


@pytest.fixture
def reconcile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command in a project with one file of orders, whose vendors told what is given."""
    orders = tmp_path / "o.csv"
    orders.write_text("order,person,at,amount,currency\n1,a,2025-03-10,80.01,EUR\n")
    CliRunner().invoke(root, ["--project", str(tmp_path), "import", "orders", str(orders)])
    (tmp_path / "persync.toml").write_text('[connections.own]\nconnector = "files"\n')

    def run(held: list[Held], *arguments: str) -> Result:
        monkeypatch.setattr("persync.jobs.reconciling.reconcile_project", lambda *_, **__: held)
        return CliRunner().invoke(root, ["--project", str(tmp_path), "reconcile", *arguments])

    return run


def test_the_table_names_vendor_store_difference_and_verdict_and_a_gap_is_exit_code_6(reconcile: Any) -> None:
    result = reconcile([Held("news", [NEAR, UNTOLD]), Held("shop", [GAP, SAME])], "shop", "news")

    assert result.stdout.splitlines() == [
        "connection  what     scope          vendor's      stored  difference  verdict",
        "news        opens    campaign c1       1,000         990         -10  within tolerance",
        "news        clicks   campaign c1                       7              not told",
        "shop        revenue  2026-10      123.45 EUR  120.00 EUR   -3.45 EUR  gap",
        "shop        orders   all               1,500       1,500           0  same",
    ]
    assert result.stderr == "persync: shop: revenue differ beyond the tolerance. Pull October again.\n"
    assert result.exit_code == 6


def test_without_a_gap_all_is_well_and_the_claims_follow(reconcile: Any) -> None:
    result = reconcile([Held("shop", [SAME])], "--format", "json")

    document = json.loads(result.stdout)
    assert (result.exit_code, document["errors"]) == (0, [])
    assert document["results"][0] == {
        "id": "vendor_total",
        "by": {"connection": "shop", "what": "orders", "scope": "all"},
        "value": 1500,
        "vendor": 1500,
        "difference": 0,
        "unit": "count",
        "verdict": "same",
        "hint": None,
        **dict.fromkeys(("low", "high", "p", "n", "label", "reason", "note")),
    }
    assert [one["value"] for one in document["results"] if one["id"] == "ledger_gross"] == [80.01]


def test_offline_asks_no_vendor_and_holds_the_claims_alone(reconcile: Any) -> None:
    gap = [Held("shop", [GAP], AuthError("refused."))]

    result = reconcile(gap, "--offline", "--format", "json")
    document = json.loads(result.stdout)
    refused = [reconcile(gap, "--offline", "shop"), reconcile(gap, "--offline", "--tolerance", "0.1")]

    assert (result.exit_code, result.stderr, document["errors"]) == (0, "", [])
    assert "vendor_total" not in {one["id"] for one in document["results"]}
    assert [one["value"] for one in document["results"] if one["id"] == "ledger_gross"] == [80.01]
    assert [one.exit_code for one in refused] == [2, 2]


def test_money_in_json_is_in_major_units(reconcile: Any) -> None:
    result = reconcile([Held("shop", [GAP])], "shop", "--format", "json")

    found = json.loads(result.stdout)["results"][0]
    assert [found[name] for name in ("value", "vendor", "difference", "unit", "verdict")] == [
        120.0,
        123.45,
        -3.45,
        "EUR",
        "gap",
    ]


def test_an_unreachable_vendor_is_said_and_is_an_error_only_when_named(reconcile: Any) -> None:
    from persync.errors import UnreachableError

    away = [Held("shop", [], UnreachableError("cannot reach shop.example.com.", where="shop"))]
    refused = [Held("shop", [], AuthError("the token was refused.", where="shop"))]

    codes = [reconcile(away).exit_code, reconcile(away, "shop").exit_code, reconcile(refused).exit_code]

    assert codes == [0, 1, 4]
    assert reconcile(away).stderr == "persync: shop: cannot reach shop.example.com.\n"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command in a project whose store has no order."""
    CliRunner().invoke(root, ["--project", str(tmp_path), "init"])
    (tmp_path / "persync.toml").write_text('[connections.own]\nconnector = "files"\n')

    def run(held: list[Held], *arguments: str) -> Result:
        monkeypatch.setattr("persync.jobs.reconciling.reconcile_project", lambda *_, **__: held)
        return CliRunner().invoke(root, ["--project", str(tmp_path), "reconcile", *arguments])

    return run


def test_without_an_order_the_vendors_totals_are_still_shown(empty: Any) -> None:
    result = empty([Held("shop", [SAME])])

    assert (result.exit_code, result.stderr) == (0, f"persync: {NO_ORDERS}\n")
    assert result.stdout.splitlines()[1:] == ["shop        orders  all       1,500   1,500           0  same"]


def test_a_refused_sign_in_leads_whatever_else_is_missing_or_differs(empty: Any) -> None:
    never = Held("news", [], DataError("nothing was pulled of it yet.", where="news"))
    refused = Held("shop", [], AuthError("the token was refused.", where="shop"))

    nothing = empty([never, refused])
    beside_a_gap = empty([Held("other", [GAP]), refused])
    document = json.loads(empty([never, refused], "--format", "json").stdout)

    assert nothing.stderr.splitlines() == [
        "persync: shop: the token was refused.",
        "persync: news: nothing was pulled of it yet.",
        f"persync: {NO_ORDERS}",
    ]
    assert (nothing.exit_code, beside_a_gap.exit_code, beside_a_gap.stderr.splitlines()[0]) == (
        4,
        4,
        "persync: shop: the token was refused.",
    )
    assert (document["results"], len(document["errors"]), document["errors"][0]) == ([], 3, "shop: the token was refused.")
    assert empty([never]).exit_code == 1


def test_before_there_is_a_store_a_refused_sign_in_is_exit_code_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one, what is missing is the store."""
    (tmp_path / "persync.toml").write_text('[connections.own]\nconnector = "files"\n')
    never = Held("news", [], DataError("nothing was pulled of it yet.", where="news"))
    refused = Held("shop", [], AuthError("the token was refused.", where="shop"))
    results = []

    for held in ([refused], [never, refused], [never]):
        monkeypatch.setattr("persync.jobs.reconciling.reconcile_project", lambda *_, held=held, **__: held)
        results.append(CliRunner().invoke(root, ["--project", str(tmp_path), "reconcile"]))

    assert [result.exit_code for result in results] == [4, 4, 1]
    assert [result.stderr for result in results[:2]] == ["persync: shop: the token was refused.\n"] * 2
    assert "there is no store" in results[2].stderr


def test_a_name_that_is_no_connection_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "persync.toml").write_text('[connections.own]\nconnector = "files"\n')
    CliRunner().invoke(root, ["--project", str(tmp_path), "init"])

    result = CliRunner().invoke(root, ["--project", str(tmp_path), "reconcile", "onw"])

    assert (result.exit_code, "there is no connection 'onw'. Did you mean 'own'?" in result.stderr) == (2, True)
