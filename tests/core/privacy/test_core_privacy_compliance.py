"""Shopify's messages about people's data, as it sends them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from persync.privacy.compliance import Payload, connection_of, is_authentic, read_payloads

CUSTOMER = {"customer": "191167", "email": "john@example.com"}


@pytest.mark.shared
def test_the_sample_of_all_three_topics_is_read(shared: Path) -> None:
    body = (shared / "specs" / "samples" / "shopify" / "webhook_compliance.synthetic.json").read_bytes()
    shop = "example.myshopify.com"

    assert read_payloads(body, "sample") == [
        Payload("customers/redact", shop, **CUSTOMER, orders=("299938", "280263", "220458")),
        Payload("customers/data_request", shop, **CUSTOMER, orders=("299938",)),
        Payload("shop/redact", shop),
    ]


def test_no_customer_shows_in_the_repr_of_a_payload() -> None:
    payload = Payload("customers/redact", "s.example.com", **CUSTOMER)

    assert "191167" not in repr(payload)
    assert "john" not in repr(payload)


def test_the_hmac_is_that_of_the_standard() -> None:
    # RFC 4231, test case 2.
    mac = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    header = base64.b64encode(mac).decode()

    assert is_authentic(b"what do ya want for nothing?", header, "Jefe")
    assert is_authentic(b"what do ya want for nothing?", f" {header}\n", "Jefe")
    assert not is_authentic(b"what do ya want for nothing!", header, "Jefe")
    assert not is_authentic(b"what do ya want for nothing?", header, "jefe")
    assert not is_authentic(b"what do ya want for nothing?", "", "Jefe")


@pytest.mark.parametrize(
    ("shop", "found"),
    [
        ("a.myshopify.com", ["stored"]),
        ("b.myshopify.com", ["handle"]),
        ("c.example.com", ["stored"]),
        ("stored.myshopify.com", []),
    ],
)
def test_a_shop_is_known_by_domain_handle_or_alias(shop: str, found: list[str]) -> None:
    stored, settings = {"stored": "A.myshopify.com"}, {"handle": "b", "mail": ""}

    assert list(connection_of(shop, stored, settings, {"c.example.com": "a.myshopify.com"})) == found
