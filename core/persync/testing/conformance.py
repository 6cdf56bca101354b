"""The checks as tests: subclass one in a plugin's own tests, name what is tested, and pytest runs them all.

    from persync.testing.conformance import ConnectorConformance

    class TestKlaviyo(ConnectorConformance):
        name = "klaviyo"

The plugin has to be installed (`pip install -e .`): it is found as persync finds it.
"""

from __future__ import annotations

import atexit
import tempfile
from abc import abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import ClassVar

import pytest

from persync.plugins import Host, load_plugins
from persync.testing.case import Case, case_of
from persync.testing.checks import CONNECTOR, Check, NotTriedError
from persync.testing.checks.engines import ENGINE
from persync.testing.checks.importers import IMPORTER, ImporterCheck
from persync.testing.checks.metrics import METRIC
from persync.testing.checks.models import MODEL
from persync.testing.checks.notifiers import NOTIFIER, NotifierCheck
from persync.testing.checks.sections import SECTION
from persync.testing.shop import Shop, ShopCheck, shop_of

__all__ = [
    "ConnectorConformance",
    "EngineConformance",
    "ImporterConformance",
    "MetricConformance",
    "ModelConformance",
    "NotifierConformance",
    "SectionConformance",
]


@cache
def _host() -> Host:
    return load_plugins()


def _run(run: Callable[[], str]) -> None:
    """Run a check; what found nothing to try is skipped, with the reason."""
    try:
        run()
    except NotTriedError as reason:
        pytest.skip(str(reason))


class _Made:
    """What the tests of a class share is made once, before the first, and taken away after the last."""

    name: ClassVar[str]
    _stack: ClassVar[ExitStack]

    @classmethod
    def setup_class(cls) -> None:
        """Make it in a folder of its own."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="persync-")))
            cls._make(stack, folder)
            cls._stack = stack.pop_all()

    @classmethod
    def teardown_class(cls) -> None:
        """Take it away."""
        cls._stack.close()

    @classmethod
    @abstractmethod
    def _make(cls, stack: ExitStack, folder: Path) -> None: ...


class ConnectorConformance(_Made):
    """A connector against its own sandbox. `people` of the made-up business; `thorough` ends pulls at every page."""

    people: ClassVar[int] = 60
    thorough: ClassVar[bool] = False
    elsewhere: ClassVar[frozenset[str]] = frozenset()
    """checks that tests of the plugin's own make more thoroughly"""
    case: ClassVar[Case]

    @classmethod
    def _make(cls, stack: ExitStack, folder: Path) -> None:
        cls.case = stack.enter_context(case_of(_host(), cls.name, folder, people=cls.people))

    @pytest.mark.parametrize("check", CONNECTOR, ids=lambda check: check.name)
    def test_connector(self, check: Check) -> None:
        """Hold it to one claim."""
        if check.name not in self.elsewhere:
            _run(partial(check.hold, self.case, self.thorough, CONNECTOR))


@cache
def _shop() -> Shop:
    """Make the shop of all classes that need one: it is only asked, and goes when the process ends."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="persync-")))
    return stack.enter_context(shop_of(_host(), folder))


class _OfShop:
    name: ClassVar[str]


class ModelConformance(_OfShop):
    """An attribution model, asked of a made-up shop."""

    @pytest.mark.parametrize("check", MODEL, ids=lambda check: check.name)
    def test_model(self, check: ShopCheck) -> None:
        """Hold it to one claim."""
        _run(partial(check.run, _shop(), self.name))


class MetricConformance(_OfShop):
    """A metric, asked of a made-up shop; `name` is its id."""

    @pytest.mark.parametrize("check", METRIC, ids=lambda check: check.name)
    def test_metric(self, check: ShopCheck) -> None:
        """Hold it to one claim."""
        _run(partial(check.run, _shop(), self.name))


class SectionConformance(_OfShop):
    """A section of the report, over a made-up shop and over nothing."""

    @pytest.mark.parametrize("check", SECTION, ids=lambda check: check.name)
    def test_section(self, check: ShopCheck) -> None:
        """Hold it to one claim."""
        _run(partial(check.run, _shop(), self.name))


class EngineConformance(_OfShop):
    """An engine, held against DuckDB over a made-up shop."""

    @pytest.mark.parametrize("check", ENGINE, ids=lambda check: check.name)
    def test_engine(self, check: ShopCheck) -> None:
        """Hold it to one claim."""
        _run(partial(check.run, _shop(), self.name))


class NotifierConformance:
    """A way to tell somebody, which sends to a folder or a web server on loopback."""

    name: ClassVar[str]

    @pytest.mark.parametrize("check", NOTIFIER, ids=lambda check: check.name)
    def test_notifier(self, check: NotifierCheck) -> None:
        """Hold it to one claim."""
        _run(partial(check.of, _host(), self.name))


class ImporterConformance:
    """A kind of file; `name` is the kind."""

    name: ClassVar[str]

    @pytest.mark.parametrize("check", IMPORTER, ids=lambda check: check.name)
    def test_importer(self, check: ImporterCheck) -> None:
        """Hold it to one claim."""
        _run(partial(check.of, _host().importers[self.name]))
