"""Every check of a connector finds the connector that is wrong in its way, and no other check that comes before it does."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.mutants import BEFORE, IMPORTED, MORE, MUTANTS, READER, SECOND, Mutant
from persync.plugins import Host, load_plugins
from persync.testing.case import case_of
from persync.testing.checks import CONNECTOR, NotTriedError
from persync.testing.new import write_plugin

QUICK = ("declares", "signs in", "reads", "keys", "agrees", "again", "privacy")
"""checks that are made of every mutant: what they need, and what else they may say of it"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the package that is changed."""
    return write_plugin("klaviyo", "connector", tmp_path_factory.mktemp("plain"))[0].parent / "persync_klaviyo"


def changed(text: str, changes: dict[str, str]) -> str:
    for words, others in changes.items():
        assert words in text, words
        text = text.replace(words, others)
    return text


@pytest.fixture
def host(request: pytest.FixtureRequest, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Return a host of one mutant alone: (the mutant, what stands before the readers that are its own)."""
    mutant, where = request.param
    package = f"persync_mutant_{MUTANTS.index(mutant)}"
    folder = tmp_path / package
    folder.mkdir()
    before, begins, streams = changed((plain / "connector.py").read_text("utf-8"), dict(mutant.connector)).partition(
        "STREAMS = (\n"
    )
    assert begins
    before = changed(before, {IMPORTED: IMPORTED + MORE})
    streams = changed(streams, {where + READER: where + "Mutated("}) if mutant.reader else streams
    reader = mutant.reader or '    """The connector\'s own."""\n'
    (folder / "connector.py").write_text(before + BEFORE.format(reader=reader) + streams, encoding="utf-8")
    (folder / "sandbox.py").write_text(
        changed((plain / "sandbox.py").read_text("utf-8"), dict(mutant.sandbox)), encoding="utf-8"
    )
    text = (plain / "__init__.py").read_text("utf-8").replace("persync_klaviyo", package)
    (folder / "__init__.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = load_plugins(installed=False)
    found.add("klaviyo", "", "", lambda: importlib.import_module(package))
    yield found
    for name in [name for name in sys.modules if name.startswith(package)]:
        del sys.modules[name]


@pytest.mark.parametrize("host", [(mutant, "") for mutant in MUTANTS], ids=lambda one: one[0].name, indirect=True)
def test_a_connector_that_is_wrong_is_found_by_the_check_that_says_so(
    host: Host, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    mutant: Mutant = request.node.callspec.params["host"][0]
    red = []
    with case_of(host, "klaviyo", tmp_path / "case", people=50) as case:
        for check in CONNECTOR:
            if check.name in (*QUICK, mutant.check):
                try:
                    check.hold(case, False, CONNECTOR)
                except NotTriedError:
                    pass
                except AssertionError:
                    red.append(check.name)

    assert red == [mutant.check]


ELSEWHERE = [
    (mutant, SECOND)
    for mutant in MUTANTS
    if mutant.reader
    and mutant.check in ("server errors", "duplicates", "empty page", "endless next", "expired cursor", "resumes")
]
"""Mutants of another list than the first: one for each way in which other lists are tried."""


@pytest.mark.parametrize("host", ELSEWHERE, ids=lambda one: one[0].name, indirect=True)
def test_a_connector_that_is_wrong_in_another_list_is_found_there(
    host: Host, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    mutant: Mutant = request.node.callspec.params["host"][0]
    check = next(one for one in CONNECTOR if one.name == mutant.check)
    with case_of(host, "klaviyo", tmp_path / "case", people=50) as case:
        assert case.victim().stream not in ("orders", "account")
        with pytest.raises(AssertionError, match=r"orders|account"):
            check.run(case, False)


def test_every_check_has_its_mutant() -> None:
    assert {mutant.check for mutant in MUTANTS} == {check.name for check in CONNECTOR}
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
