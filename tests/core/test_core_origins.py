"""Where each setting comes from: its line in persync.toml however it is written there, the store, or the default."""

from __future__ import annotations

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from persync import hookimpl
from persync.connect.connector import ConnectionSettings, Connector
from persync.errors import ConfigError
from persync.plugins import Host, load_plugins
from persync.settings import load_project
from persync.settings.origins import Setting, origins
from persync.settings.project import ALONE, NAMED

TOKEN = "hush-hush-0123456789"


class TillSettings(ConnectionSettings):
    shop: str
    pages: int = 10


class Till(Connector):
    name = "till"
    title = "Till"
    settings_type = TillSettings
    secrets: ClassVar = {"token": "TILL_TOKEN", "client_secret": "TILL_SECRET"}


@hookimpl
def persync_connectors() -> Iterator[type[Connector]]:
    yield Till


@pytest.fixture(scope="module")
def host() -> Host:
    plugin = types.ModuleType("till_plugin")
    plugin.persync_connectors = persync_connectors  # type: ignore[attr-defined]
    return load_plugins([plugin], installed=False)


def found(folder: Path, host: Host, text: str) -> dict[str, tuple[Any, str]]:
    """Return {name: (value, origin)} of what these settings make."""
    (folder / "persync.toml").write_text(text)
    return {one.name: (one.value, one.origin) for one in origins(load_project(folder, host), host)}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[report]\n\nlookback_days = 14\n", 3),
        ("report.lookback_days = 14\n", 1),
        ("# first\nreport = { lookback_days = 14 }\n", 2),
        ("['report']\n'lookback_days' = 14\n", 2),
        ("[jobs.one]\nreport = [{ out = 'r.html' }]\n[report]\nlookback_days = 14\n", 4),
    ],
)
def test_a_setting_is_found_in_its_line_however_it_is_written(tmp_path: Path, host: Host, text: str, line: int) -> None:
    assert found(tmp_path, host, text)["report.lookback_days"] == (14, f"persync.toml:{line}")


def test_a_table_within_a_table_and_a_list_of_tables_have_their_lines(tmp_path: Path, host: Host) -> None:
    text = (
        "[attribution]\nwindows.click = 3\nwindows.open = 2\n"
        "[[jobs.nightly.export]]\nmetric = 'ctr'\nout = 'ctr.csv'\n"
        "[costs.proxies.ease]\nkind = 'brand'\neach = 2.0\nquantity = 4.0\nsource = 'ours'\n"
        "[privacy.answers]\nnotice = true\n"
    )

    settings = found(tmp_path, host, text)

    names = ("attribution.windows.click", "attribution.windows.open", "attribution.windows.visit")
    assert [settings[name] for name in names] == [(3, "persync.toml:2"), (2, "persync.toml:3"), (None, "default")]
    assert settings["jobs.nightly.export"] == ([{"metric": "ctr", "out": "ctr.csv"}], "persync.toml:4")
    assert settings["costs.proxies.ease.each"] == (2.0, "persync.toml:9")
    assert settings["costs.proxies.ease.on"] == (False, "default")
    assert settings["privacy.answers.notice"] == (True, "persync.toml:13")


def test_a_connection_has_its_connectors_settings_and_the_places_of_its_secrets(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    monkeypatch.delenv("TILL_SECRET", raising=False)
    (tmp_path / "persync.toml").write_text(
        '[connections.till]\nconnector = "till"\nshop = "ann@example.com"\ntoken_env = "MY_TOKEN"\n'
    )

    settings = [one for one in origins(load_project(tmp_path, host), host) if one.name.startswith("connections.")]

    assert settings == [
        Setting("connections.till.token_env", "MY_TOKEN", "persync.toml:4"),
        Setting("connections.till.connector", "till", "persync.toml:2"),
        Setting("connections.till.base_url", None, "default"),
        Setting("connections.till.attributes", {}, "default"),
        Setting("connections.till.start", None, "default"),
        Setting("connections.till.overrides", {}, "default"),
        Setting("connections.till.shop", "(address)", "persync.toml:3"),
        Setting("connections.till.pages", 10, "default"),
        Setting("connections.till.token", "(secret)", "environment variable MY_TOKEN"),
        Setting("connections.till.client_secret", None, "not found (TILL_SECRET)"),
    ]


def test_nothing_that_is_shown_holds_a_secret(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where somebody wrote the same token into a setting that is no secret."""
    monkeypatch.setenv("TILL_TOKEN", TOKEN)
    text = f'[connections.till]\nconnector = "till"\nshop = "x"\nattributes = {{ city = "{TOKEN}" }}\n'

    assert TOKEN not in repr(found(tmp_path, host, text))


def test_every_table_of_the_settings_is_shown(tmp_path: Path, host: Host) -> None:
    """A table that the settings take, and that has no line here, would be a setting nobody can look up."""
    text = (
        "[connections.till]\nconnector = 'till'\nshop = 'x'\n[experiments.a]\n[jobs.a]\n[segments.a]\nmin_orders = 2\n"
        "[automations.a]\nkind = 'birthday'\n[notify.a]\nvia = 'none'\n"
    )

    assert {name.partition(".")[0] for name in found(tmp_path, host, text)} == {*ALONE, *NAMED}


def test_without_a_file_everything_is_a_default(tmp_path: Path, host: Host) -> None:
    settings = list(origins(load_project(tmp_path, host), host))

    assert {one.origin for one in settings} == {"default", "the folder's name"}
    assert Setting("report.name", tmp_path.name, "the folder's name") in settings
    assert Setting("report.timezone", "UTC", "default") in settings


def test_a_secrets_file_that_others_may_read_is_said(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TILL_TOKEN", raising=False)
    (tmp_path / "persync.secrets.toml").write_text(f'TILL_TOKEN = "{TOKEN}"\n')
    (tmp_path / "persync.secrets.toml").chmod(0o644)

    with pytest.raises(ConfigError, match="others on this machine may read it"):
        found(tmp_path, host, '[connections.till]\nconnector = "till"\nshop = "x"\n')
