"""Orders as Mailchimp copied them: money, refunds without amounts, claims, and the same sale seen by the shop."""

from typing import Any

import pytest

from persync.rows import Cart, Child, Claim, Evidence, LedgerEntry, Order, OrderDiscount, OrderRef, PromoCode
from persync.sandbox.world import SandboxOrder, World
from persync.store.orders import one_order_each

NOW = 1_735_689_600_000
SENT = 1_733_043_600_000
HOUR, DAY = 3_600_000, 86_400_000
STORE = {"store_id": "s1", "shop": "tea.myshopify.com", "currency": "EUR"}
ORDER: dict[str, Any] = {
    "id": "9001",
    "store_id": "s1",
    "customer": {"id": "7", "email_address": "p1@example.com"},
    "campaign_id": "",
    "financial_status": "paid",
    "currency_code": "eur",
    "order_total": 47.9,
    "tax_total": 3.9,
    "shipping_total": 5,
    "processed_at_foreign": "2024-12-01T09:00:00+00:00",
    "cancelled_at_foreign": "",
    "updated_at_foreign": "2024-12-20T09:00:00+00:00",
}
REF = OrderRef("s1:9001", "tea.myshopify.com", "9001")
UPDATED = 1_734_685_200_000


@pytest.fixture
def store(pulls: Any, imitated: Any, rich: World) -> Any:
    return pulls(imitated(rich))


def rows(shape: Any, kind: Any = object, **order: Any) -> list[Any]:
    found = shape("orders", {"orders": [{**ORDER, **order}], "total_items": 1}, parent=STORE)
    assert found.rejects == []
    return [row for row in found.rows if isinstance(row, kind)]


def test_every_store_is_read_with_its_domain(shape: Any) -> None:
    page = {"stores": [{"id": "s1", "domain": "https://Tea.myshopify.com/", "currency_code": "EUR"}, {"id": "s2"}]}

    found = shape("stores", page).rows

    streams = ["orders", "carts", "products", "promo_rules"]
    assert found[:4] == [Child(stream, "s1", STORE) for stream in streams]
    assert found[4:] == [Child(stream, "s2", {"store_id": "s2", "shop": "", "currency": ""}) for stream in streams]


def test_the_parts_of_an_order_add_up_to_its_total_in_cents(shape: Any) -> None:
    """Floats are taken by their decimal text, so a tenth stays a tenth."""
    entries = rows(shape, LedgerEntry, order_total=0.3, tax_total=0.1, shipping_total=0.1)[:3]

    assert {entry.part: entry.amount_minor for entry in entries} == {"tax": 10, "shipping": 10, "product": 10}
    assert rows(shape, Order)[0].total_minor == 4790
    assert (
        rows(shape, LedgerEntry, order_total=1200, currency_code="JPY", tax_total=0, shipping_total=0)[2].amount_minor == 1200
    )


@pytest.mark.parametrize("status", ["refunded", "Refunded", "cancelled", "canceled", "voided"])
def test_a_status_that_undoes_an_order_takes_all_of_it_back_when_it_was_last_updated(shape: Any, status: str) -> None:
    entries = rows(shape, LedgerEntry, financial_status=status)

    assert sum(entry.amount_minor for entry in entries) == 0
    assert {(entry.event, entry.happened_at) for entry in entries} == {("sale", SENT), ("refund", UPDATED)}
    assert rows(shape, Order, financial_status=status)[0].total_minor == 0


def test_a_cancelled_order_is_taken_back_on_that_day(shape: Any) -> None:
    cancelled = "2024-12-03T09:00:00+00:00"

    entries = rows(shape, LedgerEntry, cancelled_at_foreign=cancelled)

    assert {entry.happened_at for entry in entries if entry.event == "refund"} == {1_733_216_400_000}
    assert rows(shape, Order, cancelled_at_foreign=cancelled)[0].status == "cancelled"


@pytest.mark.parametrize("status", ["partially_refunded", "pending", "", None, "a word of the plugin's own"])
def test_other_statuses_are_kept_and_move_no_money(shape: Any, status: str | None) -> None:
    assert sum(entry.amount_minor for entry in rows(shape, LedgerEntry, financial_status=status)) == 4790
    assert rows(shape, Order, financial_status=status)[0].status == (status or None)


def test_an_order_without_a_date_is_set_aside_alone(shape: Any) -> None:
    page = {"orders": [{**ORDER, "processed_at_foreign": "", "updated_at_foreign": ""}, ORDER], "total_items": 2}

    found = shape("orders", page, parent=STORE)

    assert [(reject.record, reject.field) for reject in found.rejects] == [("9001", "processed_at_foreign")]
    assert any(isinstance(row, Order) for row in found.rows)
    assert rows(shape, Order, processed_at_foreign="")[0].ordered_at == UPDATED


def test_a_guest_without_an_address_is_an_order_without_a_person(shape: Any) -> None:
    assert rows(shape, Order, customer={"id": "7", "email_address": ""})[0].person is None
    assert rows(shape, Order, customer=None)[0].person is None


def test_promos_are_discounts_and_so_is_what_they_do_not_explain(shape: Any) -> None:
    promos = [{"code": "SPRING", "amount_discounted": 3.5, "type": "fixed"}, {"code": "", "amount_discounted": 1}]

    assert rows(shape, OrderDiscount, discount_total=5, promos=promos) == [
        OrderDiscount(REF, "SPRING", "code", "SPRING", 350, "EUR"),
        OrderDiscount(REF, "promo 1", "code", None, 100, "EUR"),
        OrderDiscount(REF, "rest", "automatic", None, 50, "EUR"),
    ]


def test_the_campaign_of_an_order_is_the_vendors_claim(shape: Any) -> None:
    (claim,) = rows(shape, Claim, campaign_id="00000000a1", outreach={"id": "00000000a1", "type": "regular"})

    assert claim == Claim(
        (("id", "00000000a1"), ("mc_cid", "00000000a1")),  # type: ignore[arg-type]
        REF, "mailchimp_order", 1, 4790, "EUR", from_at=SENT,
    )  # fmt: skip


def test_an_advertisement_that_is_credited_is_no_campaign(shape: Any) -> None:
    (nobody,) = rows(shape, Claim)
    assert nobody[:1] + nobody[2:6] == (None, "mailchimp_order", 0, 0, "EUR")
    assert rows(shape, Claim, outreach={"id": "ad7", "type": "facebook"}) == [nobody]
    assert [row.campaign[0] for row in rows(shape, Claim, outreach={"id": "00000000a1", "type": "regular"})] == [
        ("id", "00000000a1")
    ]


def test_a_recommended_product_is_evidence_for_its_campaign(shape: Any) -> None:
    (found,) = rows(shape, Evidence, campaign_id="00000000a1", tracking_code="prec")
    activity = {"products": [{"title": "Pot", "sku": "P", "recommendation_total": 2}, {"title": "Cup", "sku": "C"}]}
    sold = shape("product_activity", activity, parent={"campaign_id": "00000000a1"}).rows

    assert found.items == (("recommendation", "order"),)
    assert [(row.source, row.items) for row in sold] == [("product_activity", (("recommendation", "sold"),))]
    assert rows(shape, Evidence, campaign_id="00000000a1") == []


def test_products_are_asked_about_only_where_something_was_sold(shape: Any, page: Any) -> None:
    def asked(**ecommerce: Any) -> bool:
        report = {**page("reports")["reports"][0], "ecommerce": ecommerce}
        found = shape("reports", {"reports": [report], "total_items": 1}).rows
        return any(isinstance(row, Child) and row.stream == "product_activity" for row in found)

    assert asked(total_orders=1, total_revenue=0, currency_code="EUR")
    assert asked(total_orders=0, total_revenue=1.5, currency_code="EUR")
    assert not asked(total_orders=0, total_revenue=0, currency_code="EUR")
    assert not asked()


def test_a_carts_campaign_is_a_claim_too(shape: Any) -> None:
    cart = {"id": "c1", "customer": {"email_address": "p1@example.com"}, "campaign_id": "00000000a1", "order_total": 20.5,
            "created_at": "2024-12-01T09:00:00+00:00", "updated_at": ""}  # fmt: skip

    (found,) = shape("carts", {"carts": [cart], "total_items": 1}, parent=STORE).rows

    assert isinstance(found, Cart)
    assert (found.cart, found.currency, found.total_minor, found.created_at, found.updated_at) == (
        "s1:c1",
        "EUR",
        2050,
        SENT,
        None,
    )
    assert found.campaign == (("id", "00000000a1"), ("mc_cid", "00000000a1"))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"type": "percentage", "amount": 0.1, "target": "total"}, ("percentage", 0.1, None, None)),
        ({"type": "fixed", "amount": 5, "target": "total"}, ("fixed", None, 500, "EUR")),
        ({"type": "fixed", "amount": 4.9, "target": "shipping"}, ("free_shipping", None, 490, "EUR")),
        ({"type": "", "amount": None, "target": ""}, (None, None, None, "EUR")),
    ],
)
def test_a_code_says_what_its_rule_takes_off(shape: Any, rule: dict[str, Any], expected: tuple[Any, ...]) -> None:
    (work,) = shape(
        "promo_rules", {"promo_rules": [{"id": "r1", "starts_at": "", **rule}], "total_items": 1}, parent=STORE
    ).rows

    (code,) = shape("promo_codes", {"promo_codes": [{"id": "x", "code": "SPRING", "usage_count": 3}]}, parent=work.data).rows

    assert isinstance(code, PromoCode)
    assert (code.promotion, code.code, code.uses) == ("s1:r1", "SPRING", 3)
    assert (code.kind, code.share, code.amount_minor, code.currency) == expected


def test_the_copy_of_a_sale_is_known_by_the_shops_own_domain_and_order_id() -> None:
    shop = (1, "shop", "shopify", "tea.myshopify.com", "gid://shopify/Order/9001", "tea.myshopify.com", "9001", "#1001", 1)
    copy = (2, "letters", "mailchimp", "", "s1:9001", "tea.myshopify.com", "9001", "", 1)

    assert sorted(one_order_each([shop, copy], {})) == [(1, 1, 1), (2, 1, 0)]


def test_a_whole_pull_brings_orders_without_test_orders_and_a_second_store_that_is_syncing(store: Any) -> None:
    store.pull()

    assert store.ask("SELECT substr(vendor_order_id, -4), status, total_minor FROM orders JOIN order_keys USING (order_key)"
                     " ORDER BY 1") == [
        ("9001", "paid", 4790), ("9002", "refunded", 0), ("9003", "cancelled", 0), ("9004", "paid", 4790),
    ]  # fmt: skip
    assert store.ask("SELECT count(*), count(key_id) FROM carts") == [(2, 2)]
    assert store.ask("SELECT code, uses FROM promo_codes") == [("SPRING", 1)]
    assert store.pull().changed == 0


CLAIMS = (
    "SELECT k.key, c.orders FROM claims c JOIN campaign_keys k USING (campaign_key) JOIN order_keys o USING (order_key)"
    " WHERE k.kind = 'id' AND o.vendor_order_id LIKE '%:{}' ORDER BY c.observed_at, k.key"
)


def test_a_stale_campaign_is_written_over_by_mailchimp_and_both_claims_are_kept(store: Any, rich: World) -> None:
    """Fresh orders show what the plugin sent; two days later Mailchimp's own last touch stands there."""
    order: SandboxOrder = rich.orders[3]
    rich.messages[0].sends[2].clicks.append(_click(order.created_at - HOUR))
    store.pull()
    rich.now += 3 * DAY

    store.pull()

    assert store.ask(CLAIMS.format("9004")) == [("00000000d4", 1), ("00000000a1", 1), ("00000000d4", 0)]
    assert store.ask("SELECT count(*) FROM campaigns WHERE status = 'deleted'") == [(0,)]


def test_a_late_refund_is_a_dated_movement_of_the_next_pull(store: Any, rich: World) -> None:
    store.pull()
    rich.orders[0].financial_status, rich.orders[0].updated_at = "REFUNDED", SENT + 25 * DAY

    store.pull()

    assert store.ask("SELECT event, happened_at, sum(amount_minor) FROM order_ledger JOIN order_keys USING (order_key)"
                     " WHERE vendor_order_id LIKE '%:9001' GROUP BY event ORDER BY event") == [
        ("refund", SENT + 25 * DAY, -4790), ("sale", SENT + 2 * DAY, 4790),
    ]  # fmt: skip


def test_a_refund_keeps_its_date_when_the_order_is_touched_again(store: Any, rich: World) -> None:
    rich.orders[0].financial_status, rich.orders[0].updated_at = "REFUNDED", SENT + 25 * DAY
    store.pull()
    rich.orders[0].updated_at = SENT + 29 * DAY

    changed = store.pull(streams=("stores", "orders")).changed

    assert changed == 0
    assert store.ask(
        "SELECT DISTINCT happened_at FROM order_ledger JOIN order_keys USING (order_key)"
        " WHERE vendor_order_id LIKE '%:9001' AND entry = 'undone'"
    ) == [(SENT + 25 * DAY,)]


def test_no_name_or_postal_address_of_a_buyer_is_even_asked_for(store: Any) -> None:
    store.pull()

    asked = [call for call in store.account.transport.calls if call.url.path.endswith(("/orders", "/carts"))]
    fields = {field for call in asked for field in call.url.params["fields"].split(",")}
    assert asked
    assert {field for field in fields if "customer" in field or "address" in field} == {
        "orders.customer.email_address",
        "carts.customer.email_address",
    }


def _click(at: int) -> Any:
    from persync.sandbox.world import Click

    return Click(at, "https://tea.example.com/p/1")


def test_the_account_wide_listing_can_be_narrowed_by_campaign_and_customer_alone(imitated: Any, rich: World) -> None:
    account = imitated(rich)

    def ids(**params: str) -> list[str]:
        return [order["id"] for order in account.get("/ecommerce/orders", **params)[1]["orders"]]

    assert ids() == ["9001", "9002", "9003", "9004"]
    assert ids(campaign_id="00000000d4") == ["9004"]
    assert ids(has_outreach="false") == ["9003"]
    assert ids(customer_id="guest-9003") == ["9003"]
    assert account.get("/ecommerce/orders", has_outreach="maybe")[0] == 400
    assert account.get("/ecommerce/stores/none/orders")[0] == 404
