"""What a person and a cron log see when something is wrong: few lines, no traceback, the right exit code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from e2e.runs import Site, persync

REPORT = 'report = [{ format = "text", out = "r.txt", profile = "starter" }]'


def broken(site: Site, folder: Path, connection: str, base_url: str) -> Path:
    """Write a project one of whose connections leads elsewhere, with a job that makes the shortest report."""
    site.project(folder)
    toml = folder / "persync.toml"
    text = toml.read_text()
    ours = re.escape(str(site.info["connections"][connection]["base_url"]))
    toml.write_text(re.sub(f'"{ours}"', f'"{base_url}"', text) + f"\n[jobs.nightly]\n{REPORT}\n")
    assert toml.read_text() != text
    return folder


@pytest.mark.parametrize("connection", ["mailchimp", "shopify", "hubspot"])
def test_an_unreachable_vendor_is_one_line_and_the_others_are_read(site: Site, tmp_path: Path, connection: str) -> None:
    folder = broken(site, tmp_path, connection, "http://127.0.0.1:9/x")

    done = persync(folder, "--quiet", "run", "nightly")

    said = (done.stdout + done.stderr).strip().splitlines()
    assert done.returncode == 3, said
    assert len([line for line in said if "cannot reach 127.0.0.1:9" in line]) == 1, said
    assert len(said) <= 5, said
    assert (folder / "r.txt").stat().st_size > 1000, "what could be read is reported"


def test_a_vendor_that_answers_with_a_web_page_is_one_line_and_nothing_leaks(site: Site, tmp_path: Path) -> None:
    # The sandbox's own 404 page is no JSON.
    elsewhere = str(site.info["connections"]["shopify"]["base_url"]).replace("/shopify", "/nowhere")
    folder = broken(site, tmp_path, "shopify", elsewhere)

    done = persync(folder, "--quiet", "run", "nightly")

    assert done.returncode == 3, done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "nanobind" not in done.stderr


def test_a_wrong_token_is_exit_4_and_never_shown(site: Site, tmp_path: Path) -> None:
    folder = site.project(tmp_path)
    wrong = "shpat_0000000000000000000000000000dead"

    done = persync(folder, "pull", "shopify", SHOPIFY_ACCESS_TOKEN=wrong)

    assert done.returncode == 4, done.stderr
    assert wrong not in done.stdout + done.stderr
    assert "shopify" in done.stderr
    assert "Traceback" not in done.stderr
