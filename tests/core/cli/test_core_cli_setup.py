"""`persync init` and `persync connect`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli.calls import Run, project, said


def test_init_makes_a_project_and_keeps_what_is_there(persync: Run, tmp_path: Path) -> None:
    first = persync("init")
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    second = persync("init")

    assert first.exit_code == 0
    assert first.stdout == f"{tmp_path / 'persync.toml'}\n"
    assert {"persync.toml", "persync.db", "persync.key", ".gitignore"} <= set(made)
    assert second.exit_code == 0
    assert {name: (tmp_path / name).read_bytes() for name in ("persync.toml", "persync.key", ".gitignore")} == {
        name: made[name] for name in ("persync.toml", "persync.key", ".gitignore")
    }
    assert persync("doctor").exit_code == 0


def test_init_shows_the_key_once_and_says_what_it_is_for(persync: Run, tmp_path: Path) -> None:
    first, second = persync("init"), persync("init")

    key = (tmp_path / "persync.key").read_text().strip()
    assert len(key) == 64
    assert first.stderr.splitlines()[-2:] == [
        f"key: {key}",
        "Keep a copy of it elsewhere: it is needed to restore this store from a backup, and is never shown again.",
    ]
    assert key not in first.stdout + second.output


def _is_setting(line: str) -> bool:
    return line[2:].startswith("[") or " = " in line


def test_the_template_is_true_with_every_line_uncommented(persync: Run, tmp_path: Path) -> None:
    """Whoever removes the comment signs gets settings that are read, and checks of metrics that there are."""
    from persync.jobs.names import known_parts
    from persync.plugins import load_plugins
    from persync.settings import load_project

    persync("init")
    lines = (tmp_path / "persync.toml").read_text().splitlines()
    bare = [line.removeprefix("# ") for line in lines if not (line.startswith("# ") and not _is_setting(line)) and line != "#"]
    project(tmp_path, "\n".join(bare))
    host = load_plugins()

    loaded = load_project(tmp_path, host)

    assert sorted(loaded.connections) == ["files", "shop"]
    assert (list(loaded.experiments), list(loaded.jobs), loaded.report.margin) == (["welcome"], ["nightly"], 0.4)
    assert loaded.jobs["nightly"].checks
    assert [channel.via for channel in loaded.channels.values()] == ["email"]
    assert known_parts(host, loaded, "nightly", loaded.jobs["nightly"])[1] == []


def test_connect_puts_the_secret_away_and_the_settings_in_the_file(
    persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str]
) -> None:
    url = answering(200, "application/json", b'{"account_id": "1", "account_name": "Mine", "role": "owner"}')
    project(tmp_path, "# mine\n[report]\nmargin = 0.4\n")

    result = persync(
        "connect", "news", "--connector", "mailchimp", "--set", f"base_url={url}", "--secret-stdin", "token", "--no-check",
        input="0123456789abcdef-us10\n",
    )  # fmt: skip

    assert result.exit_code == 0
    assert result.stdout == "news: ready. Next: persync pull news\n"
    assert (tmp_path / "persync.toml").read_text() == (
        "# mine\n[report]\nmargin = 0.4\n\n"
        f'[connections.news]\nconnector = "mailchimp"\nbase_url = "{url}"\ntoken_env = "NEWS_TOKEN"\n'
    )
    secrets = tmp_path / "persync.secrets.toml"
    assert 'NEWS_TOKEN = "0123456789abcdef-us10"\n' in secrets.read_text()
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert "0123456789abcdef" not in result.output


def test_connect_writes_nothing_when_the_call_fails(
    persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str]
) -> None:
    url = answering(401, "application/json", b'{"title": "API Key Invalid", "status": 401, "detail": "x"}')

    result = persync(
        "connect", "mailchimp", "--set", f"base_url={url}", "--secret-stdin", "token", input="0123456789abcdef-us10\n"
    )

    assert said(result, 4).startswith("mailchimp")
    assert list(tmp_path.iterdir()) == []


def test_connect_without_a_connector_lists_them(persync: Run) -> None:
    assert said(persync("--no-input", "connect", "news"), 2).startswith(
        "which connector is 'news'? Add --connector; there are files,"
    )


def test_connect_asks_for_what_is_missing_and_hides_the_secret(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persync.cli.context.is_interactive", lambda: True)

    result = persync("connect", "till", "--no-check", input="shopify\nmy-shop\nshpat_0123456789\n\n\n")

    assert result.exit_code == 0
    assert "shpat_0123456789" not in result.output
    assert (tmp_path / "persync.toml").read_text() == (
        '[connections.till]\nconnector = "shopify"\ntoken_env = "TILL_TOKEN"\nclient_id_env = "TILL_CLIENT_ID"\n'
        'client_secret_env = "TILL_CLIENT_SECRET"\nshop = "my-shop"\n'
    )
    assert 'TILL_TOKEN = "shpat_0123456789"' in (tmp_path / "persync.secrets.toml").read_text()


def test_connect_never_breaks_the_settings(persync: Run, tmp_path: Path) -> None:
    text = 'connections = { own = { connector = "files" } }\n'
    project(tmp_path, text)

    result = persync("connect", "more", "--connector", "files")

    assert result.exit_code == 2
    assert "a table cannot be added to this file." in result.stderr
    assert (tmp_path / "persync.toml").read_text() == text
