"""`persync doctor`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from core.cli.calls import MAIL, Run, project


def test_doctor_says_where_a_secret_is_and_not_what(
    persync: Run, tmp_path: Path, answering: Callable[[int, str, bytes], str]
) -> None:
    url = answering(200, "application/json", b'{"account_id": "1", "account_name": "Mine", "role": "owner"}')
    project(tmp_path, '[connections.none]\nconnector = "hubspot"\n' + MAIL + f'base_url = "{url}"\n')
    secrets = tmp_path / "persync.secrets.toml"
    secrets.write_text('MAILCHIMP_API_KEY = "0123456789abcdef-us10"\n')
    secrets.chmod(0o600)

    result = persync("doctor", "--format", "json")

    findings = json.loads(result.stdout)["results"]
    token = {"where": "news", "what": "token", "ok": True, "state": "ok", "found": "found in persync.secrets.toml", "fix": None}
    assert token in findings
    missing = [one for one in findings if one["where"] == "none"]
    assert [one["ok"] for one in missing] == [False]
    assert result.exit_code == 4
    assert "0123456789abcdef" not in result.output
    assert re.search(r"^fail +none +token ", persync("doctor").stdout, re.MULTILINE)
    secrets.chmod(0o644)
    assert "chmod 600" in persync("doctor").stdout


def test_doctor_looks_for_the_secrets_of_channels_and_switches_and_sends_nothing(persync: Run, tmp_path: Path) -> None:
    mail = '[notify.owner]\nvia = "email"\nhost = "127.0.0.1"\nsender = "a@example.com"\nto = ["b@example.com"]\n'
    boss = mail.replace("owner", "boss") + 'user = "shop"\n'
    team = '[notify.team]\nvia = "slack"\nurl_env = "TEAM_URL"\n'
    project(tmp_path, mail + boss + team + '[jobs.nightly]\nping = "MY_PING"\n')
    secrets = tmp_path / "persync.secrets.toml"
    secrets.write_text('MY_PING = "https://ping.example.com/hush-hush"\n')
    secrets.chmod(0o600)

    result = persync("doctor", "--format", "json")

    found = {(one["where"], one["what"]): (one["state"], one["found"]) for one in json.loads(result.stdout)["results"]}
    wanted = [("notify.boss", "password"), ("notify.team", "url"), ("job nightly", "ping")]
    assert ("notify.owner", "password") not in found  # it signs in nowhere
    assert [found[key] for key in wanted] == [
        ("warn", "SMTP_PASSWORD is not set"),
        ("warn", "TEAM_URL is not set"),
        ("ok", "found in persync.secrets.toml"),
    ]
    assert (result.exit_code, "hush" in result.output) == (0, False)
