"""The checks as tests: subclass one in a plugin's own tests, name what is tested, and pytest runs them all.

    from persync.testing.conformance import ConnectorConformance

    class TestKlaviyo(ConnectorConformance):
        name = "klaviyo"

The plugin has to be installed (`pip install -e .`): it is found as persync finds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import ClassVar

import pytest

from persync.plugins import Host, load_plugins
from persync.testing.case import Case, case_of
from persync.testing.checks import CONNECTOR, Check
from persync.testing.checks.metrics import METRIC
from persync.testing.checks.models import MODEL
from persync.testing.checks.sections import SECTION
from persync.testing.shop import Shop, ShopCheck, shop_of

__all__ = ["ConnectorConformance", "MetricConformance", "ModelConformance", "SectionConformance"]


@cache
def _host() -> Host:
    return load_plugins()


class ConnectorConformance:
    """A connector against its own sandbox. `people` of the made-up business; `thorough` ends pulls at every page."""

    name: ClassVar[str]
    people: ClassVar[int] = 60
    thorough: ClassVar[bool] = False

    @pytest.fixture(scope="class")
    def case(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
        """Serve the sandbox while the class's tests run."""
        kind = request.cls
        with case_of(_host(), kind.name, tmp_path_factory.mktemp(kind.name), people=kind.people) as case:
            yield case

    @pytest.mark.parametrize("check", CONNECTOR, ids=lambda check: check.name)
    def test_connector(self, case: Case, check: Check) -> None:
        """Hold it to one claim."""
        check.run(case, self.thorough)


class _OfShop:
    name: ClassVar[str]

    @pytest.fixture(scope="class")
    def shop(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
        """Pull a made-up shop for the class's tests."""
        with shop_of(_host(), tmp_path_factory.mktemp("shop")) as shop:
            yield shop


class ModelConformance(_OfShop):
    """An attribution model, asked of a made-up shop."""

    @pytest.mark.parametrize("check", MODEL, ids=lambda check: check.name)
    def test_model(self, shop: Shop, check: ShopCheck) -> None:
        """Hold it to one claim."""
        check.run(shop, self.name)


class MetricConformance(_OfShop):
    """A metric, asked of a made-up shop; `name` is its id."""

    @pytest.mark.parametrize("check", METRIC, ids=lambda check: check.name)
    def test_metric(self, shop: Shop, check: ShopCheck) -> None:
        """Hold it to one claim."""
        check.run(shop, self.name)


class SectionConformance(_OfShop):
    """A section of the report, over a made-up shop and over nothing."""

    @pytest.mark.parametrize("check", SECTION, ids=lambda check: check.name)
    def test_section(self, shop: Shop, check: ShopCheck) -> None:
        """Hold it to one claim."""
        check.run(shop, self.name)
