"""Shopify's connector holds to what every connector must hold to."""

from __future__ import annotations

from persync.testing.conformance import ConnectorConformance


class TestShopify(ConnectorConformance):
    name = "shopify"
    elsewhere = frozenset({"survives"})  # tests/e2e/test_e2e_faults.py: every kind, at the first, a middle and the last page
