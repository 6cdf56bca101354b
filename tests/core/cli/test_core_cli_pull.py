"""`persync pull`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli.calls import MAIL, OWN, SECRETS, SHOP, Run, project, said
from persync.cli import root
from persync.connect.connector import Connector
from persync.connect.result import PullOptions, PullResult


def test_a_missing_token_says_where_it_was_looked_for(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, MAIL)

    line = said(persync("pull"), 4)

    assert line.startswith(
        "news: no secret found: MAILCHIMP_API_KEY is not set, and neither persync.secrets.toml nor a keyring"
    )
    assert not (tmp_path / "persync.db").exists()


def test_a_wrong_token_is_one_line_and_never_shown(
    persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str]
) -> None:
    body = b'{"type":"x","title":"API Key Invalid","status":401,"detail":"Your API key may be invalid","instance":"1"}'
    project(tmp_path, MAIL + f'base_url = "{answering(401, "application/problem+json", body)}"\n')

    result = persync("--quiet", "pull", env={"MAILCHIMP_API_KEY": "0123456789abcdef-us10"})

    line = said(result, 4)
    assert "news" in line
    assert "0123456789abcdef" not in result.output


def test_a_page_that_is_not_json_is_one_line(persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str]) -> None:
    project(tmp_path, MAIL + f'base_url = "{answering(200, "text/html", b"<html>Wait</html>")}"\n')

    line = said(persync("--quiet", "pull", "--stream", "account", env={"MAILCHIMP_API_KEY": "0123456789abcdef-us10"}), 1)

    assert line.startswith("news")
    assert "JSON" in line


def test_a_whole_connection_without_a_network_is_one_line(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persync.connect.client.Client._pause", lambda self, seconds: None)
    project(tmp_path, MAIL + 'base_url = "http://127.0.0.1:9"\n' + SHOP + 'base_url = "http://127.0.0.1:9"\n')

    result = persync("--quiet", "pull", env=SECRETS)

    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.split(",")[0] for line in lines] == ["persync: news", "persync: shop"]
    assert all("cannot reach 127.0.0.1:9." in line for line in lines)


def test_pages_that_are_not_json_are_one_line_a_cause(
    persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persync.connect.client.Client._pause", lambda self, seconds: None)
    project(tmp_path, MAIL + f'base_url = "{answering(200, "text/html", b"<html>Wait</html>")}"\n')

    result = persync("--quiet", "pull", env=SECRETS)

    lines = result.stderr.splitlines()
    causes = [line.removeprefix("persync: ").partition(": ") for line in lines]
    assert result.exit_code == 1
    assert [place.split(",")[0] for place, _, _ in causes] == ["news"] * len(lines)
    assert len({what for _, _, what in causes}) == len(lines)
    assert all("JSON" in what for _, _, what in causes)


def test_a_stream_is_asked_of_the_connections_that_have_it(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], tuple[str, ...]]] = []

    def pull(path: Path, connectors: list[Connector], options: PullOptions, *_: object, **__: object) -> PullResult:
        asked.append(([one.connection for one in connectors], options.streams))
        return PullResult()

    monkeypatch.setattr("persync.connect.pull.pull", pull)
    project(tmp_path, MAIL + SHOP + OWN)

    assert persync("pull", "--stream", "shop", "--stream", "reports", env=SECRETS).exit_code == 0
    assert asked == [(["news"], ("reports",)), (["shop"], ("shop",))]
    line = said(persync("pull", "--stream", "ordrs", env=SECRETS), 2)
    assert line == "news, shop, own: there is no stream 'ordrs'. Did you mean 'orders'?"
    assert said(persync("pull", "news", "--stream", "bulk_orders_x", env=SECRETS), 2).startswith(
        "news: there is no stream 'bulk_orders_x'."
    )
    assert said(persync("pull", "nwes", "--stream", "reports", env=SECRETS), 2).endswith(
        "there is no connection 'nwes'. Did you mean 'news'?"
    )


@pytest.mark.parametrize(
    ("since", "message"),
    [
        ("2026-13-01", "--since: '2026-13-01' is not a day. Write --since 2025-03-01."),
        ("soon", "--since: 'soon' is not a day. Write --since 2025-03-01."),
        ("2999-01-01", "--since: '2999-01-01' is in the future. Name a day that has begun."),
    ],
)
def test_since_must_be_a_day_that_has_begun(persync: Run, tmp_path: Path, since: str, message: str) -> None:
    project(tmp_path, OWN)

    assert said(persync("pull", "--since", since), 2) == message


def test_a_negative_wait_is_a_usage_error(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN)

    result = persync("pull", "--wait", "-5")

    assert (result.exit_code, "Invalid value for '--wait'" in result.stderr) == (2, True)


def test_a_stream_of_a_connection_without_streams_lists_those_of_the_others(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN + SHOP)

    line = said(persync("pull", "own", "--stream", "campaigns"), 2)

    assert line.startswith("own: there is no stream 'campaigns'. It reads whole files and has no streams: leave --stream out.")
    assert "Valid for shop: " in line
    assert " orders," in line


def test_no_connection_says_what_to_do(persync: Run, tmp_path: Path) -> None:
    assert said(persync("pull"), 2) == f"{tmp_path}: there is no persync.toml. Run `persync connect NAME`, or `persync demo`."


def test_the_folder_without_settings_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(root, ["pull"], prog_name="persync")

    assert said(result, 2).startswith(f"{tmp_path}: there is no persync.toml.")


def test_a_connection_without_its_secret_does_not_stop_the_others(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, MAIL + OWN)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    result = persync("--quiet", "pull", "--format", "json")

    assert said(result, 3).startswith("news: no secret found: ")
    document = json.loads(result.stdout)
    assert [(one["connection"], one["records"]) for one in document["results"]] == [("own", 1)]
    assert document["exit_code"] == 3
    assert [error.split(":")[0] for error in document["errors"]] == ["news"]


def test_a_name_that_is_no_connection_is_a_usage_error(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN)

    assert said(persync("pull", "onw"), 2).endswith("there is no connection 'onw'. Did you mean 'own'?")


def test_a_dry_run_says_what_it_would_take_and_keeps_nothing(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    first = persync("pull", "--dry-run")
    assert not (tmp_path / "persync.db").exists()
    persync("pull")
    before = persync("verify", "--digest").stdout
    read = persync("pull", "--dry-run", "--format", "json")
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\nb,visit,0\n")
    second = json.loads(persync("pull", "--dry-run", "--format", "json").stdout)

    assert first.stdout.splitlines()[-1] == "own: 0 calls, about 0.0 s."
    assert json.loads(read.stdout)["results"] == []
    assert (second["kind"], [(one["stream"], one["records"]) for one in second["results"]]) == ("plan", [("visits.csv", 2)])
    assert persync("verify", "--digest").stdout == before


def test_a_dry_run_without_a_token_is_one_line_and_its_exit_code(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, MAIL + OWN)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    result = persync("pull", "--dry-run")

    assert said(result, 4).startswith("news: no secret found")
    assert result.stdout.splitlines()[-2:] == ["news: not known.", "own: 0 calls, about 0.0 s."]


def test_a_stream_that_was_skipped_is_told_with_its_reason_while_it_runs_and_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from core.cli.post import office, post
    from persync.cli.progress import Watch, show_pull
    from persync.connect.pull import pull
    from persync.testing import quick_client

    reason = "scope: access denied (HTTP 403). Needs stamps.read."
    with Watch() as watch:
        options = PullOptions(now=1_760_000_000_000, streams=("stamps",))
        result = pull(tmp_path / "s.db", [post()], options, watch, client=quick_client(office()))
    show_pull(result, "text")

    told = capsys.readouterr()
    assert result.exit_code == 0
    assert told.err.splitlines() == [
        f"post stamps: 0 records, 0 rows changed ({reason})",
        "persync: post: 1 stream lacks its scope. `persync connect post --guide` says where to allow it; then run"
        " `persync pull post`.",
    ]
    assert [line.split("  ")[-1] for line in told.out.splitlines()] == ["reason", reason, "0 rows changed."]
