"""Mailchimp's connector holds to what every connector must hold to."""

from __future__ import annotations

from persync.testing.conformance import ConnectorConformance


class TestMailchimp(ConnectorConformance):
    name = "mailchimp"
