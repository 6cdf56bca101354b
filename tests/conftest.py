"""What every test may use."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from persync import plugins, redact

ROOT = Path(__file__).resolve().parents[1]

LONGEST = (
    "contract/test_contract_engines.py",
    "crash/test_crash_signals.py",
    "e2e/test_e2e_hillstrom.py",
    "contract/test_contract_fairness.py",
    "crash/test_crash_boundaries.py",
    "crash/test_crash_kills.py",
    "worlds/test_worlds_shops.py",
    "e2e/test_e2e_demo.py",
    "e2e/test_e2e_calibrated.py",
    "converge/test_converge.py",
    "outside/test_outside_wheel.py",
    "e2e/test_e2e_failures.py",
    "docs/test_docs_tutorials.py",
    "fuzz/test_fuzz.py",
    "core/test_core_new_plugin.py",
    "e2e/test_e2e_answers.py",
)
"""the files that take longest, in the order in which processes take them: one left to the end keeps all others waiting. The
fourth goes to the process of the first, which has Spark running"""

# Begun in the background, a program ignores Ctrl-C, and so does what it begins: no pull would ever be interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Let processes take files in the order below, where xdist would begin with those of the most tests, however short."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files."""
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


STRANGERS = frozenset(plugins.entry_points(group=plugins.GROUP)) - {
    point for point in plugins.entry_points(group=plugins.GROUP) if point.dist and point.dist.name == plugins.BUNDLED
}
"""plugins of others that were installed beside persync before any test began: what they offer is no matter of these tests"""


@pytest.fixture(scope="session", autouse=True)
def without_strangers() -> Iterator[None]:
    """Find no plugin of another that this environment happens to have; those that a test installs are found."""
    found = plugins.entry_points
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "entry_points", lambda **kinds: [one for one in found(**kinds) if one not in STRANGERS])
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The fact sheets, samples and data sets that lie beside the repository; tests that read them skip without."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("shared/ is not here: the fact sheets and data sets lie beside the repository")
    return folder


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """Where everything is at hand (PERSYNC_CI=1) nothing is skipped: a test that would be fails instead."""
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("PERSYNC_CI") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although PERSYNC_CI=1: {report.longrepr}"


@pytest.fixture(scope="module", autouse=True)
def secrets_of_one_module() -> Iterator[None]:
    """Forget at a module's end the secrets that its tests made known: an address among them would blank others' logs."""
    before = dict(redact._secrets)
    yield
    redact._secrets.clear()
    redact._secrets.update(before)
