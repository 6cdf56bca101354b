"""Mail to a real SMTP server on loopback, webhooks and pings to a real HTTP one, and the command that tries them."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.cli.calls import Run, project, said
from core.cli.conftest import persync
from persync.errors import AuthError, ConfigError, PersyncError
from persync.hookspecs import Message
from persync.jobs.notify.mail import ATTACHED, MailSettings, mail_of, send
from persync.jobs.ping import Switch
from persync.plugins import load_plugins
from persync.settings import JobTable, Project, load_project
from sinks import Calls, Post, http_sink, parts, smtp_sink

__all__ = ["persync"]

NOON = 1_750_075_200_000


@pytest.fixture
def post() -> Iterator[Post]:
    with smtp_sink() as found:
        yield found


@pytest.fixture
def calls() -> Iterator[Calls]:
    with http_sink() as found:
        yield found


def settings(post: Post, **more: Any) -> MailSettings:
    base = {"host": "127.0.0.1", "port": post.port, "security": "none", "sender": "persync@example.com"}
    return MailSettings.model_validate({**base, "to": ["owner@example.com", "second@example.com"], **more})


def message(**more: Any) -> Message:
    return Message("nightly", "ok", "Corner shop: nightly ran", text="All is well.\n", html="<p>All is well.</p>", **more)


def test_a_mail_has_text_html_and_the_report_attached(post: Post, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text("<!doctype html><p>1,0 ü")

    send(settings(post), {}, message(made_at=NOON, attachments=(report,)))

    (mail,) = post.mails
    assert post.receivers == [["owner@example.com", "second@example.com"]]
    assert (mail["subject"], mail["from"]) == ("Corner shop: nightly ran", "persync@example.com")
    assert mail["date"].datetime.isoformat() == "2025-06-16T12:00:00+00:00"
    assert parts(mail) == {
        "text": "All is well.\n",
        "html": "<p>All is well.</p>\n",
        "files": {"report.html": "<!doctype html><p>1,0 ü"},
    }


def test_no_mail_tells_the_name_of_the_machine(post: Post) -> None:
    send(settings(post), {}, message())

    assert post.greetings == ["[127.0.0.1]"]
    assert post.mails[0]["message-id"].endswith("@example.com>")
    assert socket.gethostname() not in post.mails[0].as_string()


def test_files_that_no_server_would_take_stay_behind_and_that_is_said(tmp_path: Path) -> None:
    big, small = tmp_path / "big.html", tmp_path / "small.csv"
    with big.open("wb") as file:
        file.truncate(ATTACHED + 1)
    small.write_text("a\r\n")
    whole = MailSettings(host="127.0.0.1", sender="a@example.com", to=["b@example.com"])

    given = replace(message(attachments=(big, small, tmp_path / "<gone>.md")), html="<body><p>All is well.</p></body></html>")
    found = parts(mail_of(whole, given))

    assert list(found["files"]) == ["small.csv"]
    assert "Not attached, too large or not there: big.html, <gone>.md." in found["text"]
    note = "<p>Not attached, too large or not there: big.html, &lt;gone&gt;.md.</p>"
    assert found["html"].split() == f"<body><p>All is well.</p>{note} </body></html>".split()


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"security": "starttls"}, ConfigError, "does not offer the encryption or sign-in asked for."),
        ({"user": "shop"}, ConfigError, "does not offer the encryption or sign-in asked for."),
        ({"host": "mail.example.com"}, ConfigError, "mail without encryption is for a server on this machine alone."),
    ],
)
def test_nothing_is_sent_without_the_encryption_or_sign_in_asked_for(
    post: Post, change: dict[str, Any], kind: type[PersyncError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        send(settings(post, **change), {"password": "hush hush"}, message())

    assert words in str(caught.value)
    assert post.mails == []


def test_a_refusal_does_not_repeat_the_address_that_the_server_quotes(post: Post) -> None:
    post.refuse = "550 owner@example.com is unknown"

    with pytest.raises(PersyncError) as caught:
        send(settings(post), {}, message())

    assert str(caught.value) == f"127.0.0.1:{post.port}: the mail server took none of the receivers. Check to."


def test_a_server_that_is_not_there_is_said(post: Post) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = settings(post, port=nobody.getsockname()[1])
        with pytest.raises(PersyncError, match="the mail server cannot be reached \\(Connection refused\\)"):
            send(closed, {}, message())


@pytest.mark.parametrize("address", ["ann", "a@b\nBcc: c@example.com", "a b@example.com", "<a@example.com>", "a@b,c@d"])
def test_an_address_that_could_end_its_line_or_name_another_is_refused(address: str, tmp_path: Path) -> None:
    table = f'[notify.owner]\nvia = "email"\nhost = "127.0.0.1"\nsender = "a@example.com"\nto = [{json.dumps(address)}]\n'
    (tmp_path / "persync.toml").write_text(table)

    with pytest.raises(ConfigError) as caught:
        load_project(tmp_path, load_plugins(installed=False))

    assert "line 5, [notify.owner]: 'to': string should match pattern" in str(caught.value)
    assert address not in str(caught.value)


# -- the command -----------------------------------------------------------------------------------------------------------


def channels(post: Post) -> str:
    return (
        f'[notify.owner]\nvia = "email"\nhost = "127.0.0.1"\nport = {post.port}\nsecurity = "none"\n'
        'sender = "persync@example.com"\nto = ["owner@example.com"]\nquiet = "00:00-23:59"\n'
        + "".join(f'[notify.{name}]\nvia = "{name}"\nurl_env = "URL"\n' for name in ("slack", "teams", "discord", "webhook"))
    )


def test_every_channel_can_be_tried(
    persync: Run, tmp_path: Path, post: Post, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, channels(post))
    monkeypatch.setenv("URL", f"{calls.url}/secret/hook")

    result = persync("notify", "test")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "owner: sent through email",
        "slack: sent through slack",
        "teams: sent through teams",
        "discord: sent through discord",
        "webhook: sent through webhook",
    ]
    assert "This is a test" in parts(post.mails[0])["text"]
    assert [sorted(body) for body in calls.bodies[:3]] == [
        ["blocks", "mrkdwn", "text", "unfurl_links", "unfurl_media"],
        ["attachments", "type"],
        ["allowed_mentions", "embeds"],
    ]
    assert calls.bodies[3]["status"] == "test"
    assert calls.paths == ["/secret/hook"] * 4


def test_a_channel_that_fails_does_not_keep_the_others_from_being_tried_and_shows_no_address(
    persync: Run, tmp_path: Path, post: Post, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, channels(post))
    calls.status = 404
    monkeypatch.setenv("URL", f"{calls.url}/services/T000/B000/hush")

    result = persync("notify", "test", "slack", "owner")

    assert result.exit_code == 1
    assert result.stdout == "owner: sent through email\n"
    assert result.stderr == (
        "persync: notify.slack, slack, POST /: it refused the call (HTTP 404). "
        "Make a new address there, and put it away again.\n"
    )


def test_a_webhook_without_its_address_says_where_it_belongs(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
    project(tmp_path, '[notify.team]\nvia = "slack"\n')

    assert said(persync("notify", "test"), 4) == (
        "notify.team: its address was not found. SLACK_WEBHOOK_URL is not set:"
        " put it into the environment or persync.secrets.toml."
    )


def test_a_webhook_that_cannot_be_reached_is_one_line(persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persync.connect.outgoing.TRIES", 1)
    project(tmp_path, '[notify.team]\nvia = "teams"\n')
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        monkeypatch.setenv("TEAMS_WEBHOOK_URL", f"http://127.0.0.1:{port}/hook?sig=hush-hush-hush")

        line = said(persync("notify", "test"), 1)

    hint = "Check the network, and the address in TEAMS_WEBHOOK_URL."
    assert line == f"notify.team, teams, POST /: cannot reach 127.0.0.1:{port}. {hint}"


def test_a_webhook_that_sends_us_elsewhere_is_not_followed_and_what_to_check_is_its_address(
    calls: Calls, persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls.status = 302
    project(tmp_path, '[notify.team]\nvia = "teams"\n')
    monkeypatch.setenv("TEAMS_WEBHOOK_URL", f"{calls.url}/hush-hush-hush")

    line = said(persync("notify", "test"), 1)

    assert line == (
        "notify.team, teams, POST /: the server sends us elsewhere (HTTP 302)."
        " Check the network, and the address in TEAMS_WEBHOOK_URL."
    )
    assert len(calls.taken) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "",
            "no way to tell anybody is set up. Write [notify.NAME] with via = ... Valid: discord, email, slack,",
        ),
        ('[notify.a]\nvia = "slak"\n', "line 2, [notify.a]: there is no notifier 'slak'. Did you mean 'slack'?"),
        ("[notify.a]\n", "line 1, [notify.a]: 'via' is missing. Valid: discord, email, slack, teams, webhook."),
        ('[notify.a]\nvia = "email"\n', "[notify.a]: 'host' is missing. Add host = ... to [notify.a]."),
        ('[notify.a]\nvia = "email"\nhots = "x"\n', "line 3, [notify.a]: 'hots' is not a setting here. Did you mean 'host'?"),
        (
            '[notify.a]\nvia = "slack"\nchannel = "x"\n',
            "line 3, [notify.a]: 'channel' is not a setting here. Valid: quiet, url_env, via.",
        ),
        (
            '[notify.a]\nvia = "slack"\nurl = "hush"\n',
            "line 3, [notify.a]: 'url' is a secret, and secrets never stand in this file.",
        ),
        ('[notify.a]\nvia = "slack"\nurl_env = "hush"\n', "line 3, [notify.a]: 'url_env' must be the name of an environment"),
        ('[notify.a]\nvia = "slack"\nquiet = "22-7"\n', "line 3, [notify.a]: 'quiet': string should match pattern"),
    ],
)
def test_settings_that_cannot_be_used_are_named_with_their_line(persync: Run, tmp_path: Path, text: str, words: str) -> None:
    project(tmp_path, text)

    line = said(persync("notify", "test"), 2)

    assert words in line
    assert "hush" not in line


# -- the dead-man switch -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "last"), [(0, "/ping/abc"), (3, "/ping/abc/3"), (130, "/ping/abc/130")])
def test_a_switch_hears_of_start_and_exit_status_under_one_run(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, last: str
) -> None:
    monkeypatch.setenv("MY_PING", f"{calls.url}/ping/abc?create=1")
    lines: list[str] = []
    switch = Switch(Project(tmp_path, tmp_path / "persync.db"), "nightly", JobTable(ping="MY_PING"), lines.append)

    switch.start()
    switch.end(code)

    assert calls.paths == ["/ping/abc/start", last]
    queries = [path.partition("?")[2] for _, path, _ in calls.taken]
    assert queries[0] == queries[1]
    assert re.fullmatch(r"create=1&rid=[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", queries[0])
    assert lines == []


def test_a_switch_that_fails_is_said_and_nothing_more(calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls.status = 404
    lines: list[str] = []
    home = Project(tmp_path, tmp_path / "persync.db")
    monkeypatch.delenv("NO_PING", raising=False)
    monkeypatch.setenv("MY_PING", f"{calls.url}/ping/hush-hush")

    Switch(home, "nightly", JobTable(ping="NO_PING"), lines.append).start()
    Switch(home, "nightly", JobTable(ping="MY_PING"), lines.append).end(0)

    assert lines[0] == "ping failed: NO_PING is not set, and neither persync.secrets.toml nor a keyring has it"
    assert lines[1].startswith("ping failed: job nightly, ping, GET /: it refused the call (HTTP 404).")
    assert "hush" not in lines[1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for loopback that nobody trusts, with its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here: it makes the certificate")
    folder = tmp_path_factory.mktemp("certificate")
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    out = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*request, *names, *out], check=True, capture_output=True)
    return folder


def test_a_mail_goes_encrypted_and_signed_in_to_a_server_that_is_trusted_and_to_no_other(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with smtp_sink(context, login=("shop", "hush")) as post:
        mine = settings(post, security="starttls", user="shop")
        with pytest.raises(PersyncError, match="the mail server cannot be reached .*certificate"):
            send(mine, {"password": "hush"}, message())
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
        with pytest.raises(AuthError, match="the mail server refuses user and password"):
            send(mine, {"password": "wrong"}, message())
        before = len(post.mails)

        send(mine, {"password": "hush"}, message())

    assert (before, len(post.mails)) == (0, 1)


def test_a_user_without_a_password_is_told_which_variable_to_set_before_anybody_is_called(
    post: Post, persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OWNER_PASSWORD", raising=False)
    mail = f'[notify.owner]\nvia = "email"\nhost = "127.0.0.1"\nport = {post.port}\nsecurity = "none"\nuser = "shop"\n'
    project(tmp_path, mail + 'sender = "a@example.com"\nto = ["b@example.com"]\npassword_env = "OWNER_PASSWORD"\n')

    line = said(persync("notify", "test"), 4)

    hint = "OWNER_PASSWORD is not set: put it into the environment or persync.secrets.toml."
    assert line == f"notify.owner: its password was not found. {hint}"
    assert post.mails == []


def test_a_password_is_needed_where_a_user_is_given(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def __enter__(self) -> Refusing:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def login(self, user: str, password: str) -> None:
            import smtplib

            assert (user, password) == ("shop", "hush")
            raise smtplib.SMTPAuthenticationError(535, b"owner@example.com: no")

    monkeypatch.setattr("smtplib.SMTP", Refusing)

    with pytest.raises(AuthError, match="the mail server refuses user and password. Put the right one away."):
        send(settings(post, user="shop"), {"password": "hush"}, message())
