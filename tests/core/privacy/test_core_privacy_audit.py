"""The audit: yes, no and unknown from what is there, the user's own answers, and no address in what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from persync.cli import root
from persync.engine import open_engine
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
            found = audit(store, project, now=now, regimes=regimes, engine=lambda: closing(open_engine(filled)))
            return {one.item: one for one in found}

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

    assert result(found, "lawful_basis") == (
        "unknown",
        "answer it: [privacy.answers] lawful_basis = true or false; on record: no basis told (4)",
    )
    assert result(found, "breach_plan") == ("no", "the user's answer")
    assert (found["privacy_notice"].result, found["privacy_notice"].owner) == ("yes", "the office")
    assert found["privacy_notice"].evidence.startswith(
        "the user's answer; of 2025-05-01; held are consents, touchpoints, orders"
    )


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
    change(filled, "DELETE FROM consents", "DELETE FROM consent_changes", "UPDATE touchpoints SET action = 1")
    shutil.rmtree(filled.with_suffix(".mirror"), ignore_errors=True)
    told = "people who were mailed had a consent or another basis on record at their last message"
    with open_store(filled) as store:
        people = store.db.execute(
            "SELECT count(DISTINCT coalesce(p.person, t.key_id)) FROM touchpoints t LEFT JOIN person_of p USING (key_id)"
        ).fetchone()[0]

    assert result(auditing(), "consent_recorded") == (
        "no",
        f"0 of {people} {told}",
    )
    change(  # as `persync import consents` writes them
        filled,
        "INSERT INTO consent_changes SELECT DISTINCT connection, key_id, 'email', 0, 'subscribed' FROM touchpoints",
    )
    shutil.rmtree(filled.with_suffix(".mirror"))
    assert result(auditing(), "consent_recorded") == ("yes", f"{people} of {people} {told}")
    change(filled, "DELETE FROM touchpoints")
    shutil.rmtree(filled.with_suffix(".mirror"))
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

    assert result(found, "pseudonymous") == ("no", "addresses are stored: 1 in person_keys")
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


def test_an_address_that_somebody_wrote_into_a_title_is_found(auditing: Auditing, filled: Path) -> None:
    change(filled, "UPDATE campaigns SET title = 'for ann@example.com'")

    assert result(auditing(), "pseudonymous") == ("no", "addresses are stored: 1 in campaigns")


def test_the_key_is_held_against_the_store(auditing: Auditing, filled: Path) -> None:
    assert result(auditing(), "key_fits")[0] == "yes"
    filled.with_suffix(".key").write_text("00" * 32 + "\n", "ascii")

    found = result(auditing(), "key_fits")

    assert found[0] == "no"
    assert "belongs to another store" in found[1]


def test_a_copy_from_before_the_last_erasure_is_named(auditing: Auditing, filled: Path) -> None:
    copy = filled.with_name("p.before-3.db")
    copy.write_bytes(b"")
    os.utime(copy, (NOW / 1000, NOW / 1000))
    assert result(auditing(), "copies_follow_erasures") == ("yes", "nobody was erased yet")
    change(filled, f"INSERT INTO tombstones VALUES ('x', {NOW + 86_400_000})")

    found = auditing()

    told = "p.before-3.db of 2025-10-09: from before the last erasure on 2025-10-10; delete it when you no longer need it"
    assert result(found, "copies_follow_erasures") == ("no", told)
    assert "the last on 2025-10-10" in found["erasure_works"].evidence
    assert found["backups"].evidence.endswith("beside the store lie p.before-3.db of 2025-10-09; other copies are not known")
    os.utime(copy, (NOW / 1000 + 172_800, NOW / 1000 + 172_800))
    assert result(auditing(), "copies_follow_erasures")[0] == "yes"


def test_what_the_store_finds_against_an_item_stands_whatever_was_answered(auditing: Auditing, filled: Path) -> None:
    """A word of health in a segment's name; a request that took long. What it finds for an item is told beside the answer."""
    yes = "[privacy.answers]\nno_health_data = true\nrequests_in_time = false\n"
    assert result(auditing(yes, "hipaa"), "no_health_data")[0] == "yes"
    change(
        filled,
        "INSERT INTO segments (connection, kind, parent, vendor_id, name) VALUES (1, 'list', '', '9', 'Heart disease')",
        "INSERT INTO feedback (connection, submission, kind, survey, channel, value, submitted_at)"
        f" VALUES (1, 'a', 'AUDIT', 'data_request_days', '', 12, {NOW})",
    )

    found = auditing(yes, "hipaa", "gdpr")

    assert result(found, "no_health_data") == ("no", "by their names: segment Heart disease")
    assert not found["no_health_data"].is_manual
    assert found["requests_in_time"].result == "no"
    assert "they took 12 days, as imported on 2025-10-09" in found["requests_in_time"].evidence
    assert auditing("", "gdpr")["requests_in_time"].result == "yes"
    change(filled, "UPDATE feedback SET value = 31")
    assert auditing("[privacy.answers]\nrequests_in_time = true\n", "gdpr")["requests_in_time"].result == "no"


def test_what_an_answer_is_about_is_told_with_the_question(auditing: Auditing, filled: Path) -> None:
    change(
        filled,
        "DELETE FROM attributes",
        "INSERT INTO attributes VALUES (1, 1, 'country', 'AT', 'told by them')",
        f"INSERT INTO log VALUES (1, NULL, {NOW}, 'files narrowed', 'p.db was 0644', '')",
    )

    found = auditing("", "gdpr", "hipaa")

    assert found["processor_agreements"].evidence.endswith("read are mail, shop")
    assert found["impact_assessment"].evidence.endswith("held are the attributes country")
    assert "attribute country (told by them)" in found["records_of_processing"].evidence
    assert found["access_reviewed"].evidence.endswith("others could read the store until 2025-10-09 (p.db was 0644)")
    assert all(found[item].result == "unknown" for item in ("processor_agreements", "records_of_processing", "access_reviewed"))


def test_who_was_mailed_without_consent_and_never_bought_cannot_have_been_told_at_a_sale(
    auditing: Auditing, filled: Path
) -> None:
    """Both have bought, then one of them has not; and with their consent on record there is nothing to ask."""
    change(filled, "DELETE FROM consents", "DELETE FROM consent_changes")
    shutil.rmtree(filled.with_suffix(".mirror"), ignore_errors=True)
    bought = auditing("", "pecr")["soft_opt_in"]
    change(filled, "UPDATE orders SET key_id = NULL WHERE order_key = (SELECT min(order_key) FROM orders WHERE kind = 'order')")
    shutil.rmtree(filled.with_suffix(".mirror"))

    never = result(auditing("[privacy.answers]\nsoft_opt_in = true\n", "pecr"), "soft_opt_in")

    assert bought.result == "unknown"
    assert "all 2 people who were mailed without a consent on record have bought" in bought.evidence
    assert never == ("no", "1 of 2 people who were mailed without a consent on record never bought anything")
    tracked = auditing("", "pecr")["tracking_consent"].evidence
    assert re.search(r"; \d+ opens and clicks of people are stored$", tracked)


def test_mail_after_a_withdrawal_is_found_in_the_messages(auditing: Auditing, filled: Path) -> None:
    """Fifteen days after: late. Thirteen: not yet, and whether people can unsubscribe stays to be answered."""
    day = 86_400_000
    assert "nobody on record has withdrawn yet" in auditing("", "casl")["unsubscribe_in_time"].evidence
    change(
        filled,
        "DELETE FROM consents",
        f"UPDATE touchpoints SET happened_at = {NOW} WHERE action = 1",
        f"INSERT INTO consent_changes SELECT DISTINCT connection, key_id, 'email', {NOW - 15 * day}, 'unsubscribed'"
        " FROM touchpoints WHERE action = 1",
    )
    shutil.rmtree(filled.with_suffix(".mirror"))

    late = result(auditing("", "casl"), "unsubscribe_in_time")
    change(filled, f"UPDATE consent_changes SET happened_at = {NOW - 13 * day}")
    shutil.rmtree(filled.with_suffix(".mirror"))
    told = result(auditing("", "casl"), "unsubscribe_in_time")

    assert late == ("no", "2 people were sent mail more than 14 days after they withdrew: persync metric consent_violations")
    assert told[0] == "unknown"
    assert "nobody who withdrew was sent mail more than 14 days later" in told[1]


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
