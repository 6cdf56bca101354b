"""The audit: yes, no and unknown from what is there, the user's own answers, and no address in what it says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from persync.cli import root
from persync.privacy.audit import ITEMS, REGIMES, Answer, audit, score
from persync.privacy.evidence import CHECKS
from persync.settings import load_project
from persync.store.store import open_store
from privacy_rows import NOW

SETTINGS = '[store]\npath = "p.db"\n'
Auditing = Callable[..., dict[str, Answer]]


@pytest.fixture
def auditing(filled: Path) -> Auditing:
    """Audit the filled store with these settings; return its answers by item."""

    def run(text: str = "", *regimes: str, now: int = NOW) -> dict[str, Answer]:
        from persync.plugins import load_plugins

        (filled.parent / "persync.toml").write_text(SETTINGS + text, "utf-8")
        project = load_project(filled.parent, load_plugins())
        with open_store(filled) as store:
            return {one.item: one for one in audit(store, project, now=now, regimes=regimes)}

    return run


def change(filled: Path, *statements: str) -> None:
    with open_store(filled) as store, store.transaction() as db:
        for sql in statements:
            db.execute(sql)


def result(found: dict[str, Answer], item: str) -> tuple[str, str]:
    return found[item].result, found[item].evidence


def test_every_item_is_the_stores_or_the_users_and_every_regime_asks_known_ones() -> None:
    asked = {item for _, items in REGIMES.values() for item in items}

    assert asked == set(ITEMS)
    assert set(CHECKS) < set(ITEMS)
    assert all(len(items) == len(set(items)) for _, items in REGIMES.values())


def test_what_nobody_answered_is_unknown_and_an_answer_is_taken_with_its_owner(auditing: Auditing) -> None:
    settings = (
        '[privacy.answers]\nbreach_plan = false\nprivacy_notice = { answer = true, owner = "the office", on = 2025-05-01 }\n'
    )

    found = auditing(settings, "gdpr")

    assert result(found, "lawful_basis") == ("unknown", "answer it: [privacy.answers] lawful_basis = true or false")
    assert result(found, "breach_plan") == ("no", "the user's answer")
    assert (found["privacy_notice"].result, found["privacy_notice"].owner) == ("yes", "the office")
    assert found["privacy_notice"].evidence == "the user's answer; of 2025-05-01"


def test_retention_is_held_against_the_age_of_what_is_there(auditing: Auditing, filled: Path) -> None:
    assert result(auditing(), "retention_set")[0] == "no"
    assert result(auditing(), "retention_kept") == ("unknown", "there is no rule to hold it against")
    rule = "[privacy.retention]\npeople = 1\ntouchpoints = 1\n"
    late = auditing(rule, now=NOW + 10**12)

    assert result(late, "retention_set") == ("yes", "[privacy.retention]: people 1 months, touchpoints 1 months")
    assert late["retention_kept"].result == "no"
    assert "older than allowed: persync privacy retention --apply" in late["retention_kept"].evidence
    with open_store(filled) as store:
        assert store.db.execute("SELECT count(*) FROM touchpoints").fetchone()[0] > 0, "an audit removes nothing"
    assert result(auditing("[privacy.retention]\npeople = 1200\n"), "retention_kept")[0] == "yes"


def test_consent_is_counted_over_the_people_who_were_mailed(auditing: Auditing, filled: Path) -> None:
    change(filled, "DELETE FROM consents", "UPDATE touchpoints SET action = 1")
    with open_store(filled) as store:
        people = store.db.execute(
            "SELECT count(DISTINCT coalesce(p.person, t.key_id)) FROM touchpoints t LEFT JOIN person_of p USING (key_id)"
        ).fetchone()[0]

    assert result(auditing(), "consent_recorded") == (
        "no",
        f"0 of {people} people who were mailed have a consent on record",
    )
    change(
        filled,
        "INSERT INTO consents (connection, key_id, channel, number, state, observed_at)"
        " SELECT DISTINCT 1, key_id, 'email', 1, 'subscribed', 0 FROM touchpoints",
    )
    assert result(auditing(), "consent_recorded")[0] == "yes"
    change(filled, "DELETE FROM touchpoints")
    assert result(auditing(), "consent_recorded") == ("unknown", "nobody was mailed yet")


def test_attributes_are_looked_at_by_basis_and_name(auditing: Auditing, filled: Path) -> None:
    change(filled, "DELETE FROM attributes", "INSERT INTO attributes VALUES (1, 1, 'country', 'AT', 'told by them')")
    assert result(auditing(), "attributes_have_a_basis") == ("yes", "1 attributes, all with a basis")
    assert result(auditing(), "no_special_category")[0] == "yes"
    change(filled, "INSERT INTO attributes VALUES (1, 1, 'religion', 'x', '')")

    found = auditing()

    assert result(found, "attributes_have_a_basis") == ("no", "without a basis: religion (1 people)")
    assert result(found, "no_special_category") == ("no", "by their names: religion")


def test_an_address_that_is_stored_and_a_broken_log_are_found(auditing: Auditing, filled: Path) -> None:
    assert (result(auditing(), "pseudonymous")[0], result(auditing(), "log_is_whole")[0]) == ("yes", "yes")
    change(
        filled,
        "INSERT INTO person_keys VALUES (99, 0, 'email', 'ann@example.com')",
        "INSERT INTO log VALUES (1000, NULL, 1, 'run ended', 'x', 'forged')",
    )

    found = auditing()

    assert result(found, "pseudonymous") == ("no", "1 addresses are stored")
    assert result(found, "log_is_whole") == ("no", "the chain of the log does not fit from entry 1000 on")
    assert not [one for one in found.values() if "ann@" in one.evidence]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_file_that_others_may_read_is_named(auditing: Auditing, filled: Path) -> None:
    for file in filled.parent.glob("p.*"):
        if file.is_file():
            file.chmod(0o600)
    assert result(auditing(), "files_are_private")[0] == "yes"
    secrets = filled.with_name("persync.secrets.toml")
    secrets.write_text("", "utf-8")
    secrets.chmod(0o644)

    assert result(auditing(), "files_are_private") == (
        "no",
        "others on this machine may read persync.secrets.toml (mode 0644): chmod 600",
    )


def test_a_store_that_was_not_pulled_for_long_does_not_know_who_left(auditing: Auditing, filled: Path) -> None:
    assert result(auditing(), "pulled_lately") == ("unknown", "no pull came to its end here")
    change(filled, f"INSERT INTO runs (command, started_at, ended_at, exit_code) VALUES ('pull', 1, {NOW}, 0)")

    assert result(auditing(now=NOW + 31 * 86_400_000), "pulled_lately") == ("yes", "the last pull ended 31 days ago")
    assert result(auditing(now=NOW + 32 * 86_400_000), "pulled_lately") == ("no", "the last pull ended 32 days ago")


def test_an_erasure_that_did_not_end_is_told(auditing: Auditing, filled: Path) -> None:
    assert result(auditing(), "erasure_works")[0] == "yes"
    change(filled, "INSERT OR REPLACE INTO meta VALUES ('erasure unfinished', '1')")

    assert auditing()["erasure_works"].result == "no"


def call(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["--project", str(folder), "privacy", "audit", *arguments], prog_name="persync")


def test_the_command_asks_the_wanted_regimes_and_says_that_it_is_no_advice(auditing: Auditing, filled: Path) -> None:
    wanted = auditing('[privacy]\nregimes = ["casl"]\n')

    text = call(filled.parent).stdout
    found = json.loads(call(filled.parent, "--regime", "hipaa", "--format", "json").stdout)

    assert set(wanted) == set(REGIMES["casl"][1])
    assert "CASL (Canada)" in text
    assert "GDPR" not in text
    assert "It is no legal advice" in text
    assert {one["item"] for one in found["results"]} == set(REGIMES["hipaa"][1])
    assert found["score"] == {name: sum(one["result"] == name for one in found["results"]) for name in ("yes", "no", "unknown")}
    assert score(list(wanted.values()))["unknown"] >= 3
    assert "no legal advice" in found["note"]


def test_a_regime_and_an_answer_that_there_is_not_are_refused(auditing: Auditing, filled: Path) -> None:
    auditing()
    wrong = call(filled.parent, "--regime", "gdprr")
    (filled.parent / "persync.toml").write_text(SETTINGS + "[privacy.answers]\nretention_set = true\n", "utf-8")
    own = call(filled.parent)

    assert (wrong.exit_code, own.exit_code) == (2, 2)
    assert "there is no regime 'gdprr'. Did you mean 'gdpr'?" in wrong.stderr
    assert "'retention_set' is nothing that the audit asks for. The store answers it itself." in own.stderr
