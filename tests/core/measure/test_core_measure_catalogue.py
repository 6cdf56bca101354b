"""The registry against the catalogue: every entry of its sections on what pays is a metric of that number."""

from __future__ import annotations

import re
from pathlib import Path

import click

from persync.cli import root
from persync.measure import METRICS

SECTIONS = "ABCDEFGLN"
"""engagement, conversion, value, return, experiments, segments, context and automations, after the ground rules"""
ETHICS = tuple(str(number) for number in range(125, 149))
"""the entries of section K"""
COMMANDS = {
    "privacy_audit": ("141", ("privacy audit",)),
    "privacy_preserving_reporting": ("148", ("federate export", "federate merge")),
}
"""entries that are commands: {id: (number, commands)}"""


def entries(text: str) -> dict[str, tuple[str, str]]:
    """Return {id: (section, number)} of a catalogue."""
    found, section = {}, ""
    for line in text.splitlines():
        if heading := re.match(r"#+ *([A-N])[.\s]", line):
            section = heading[1]
        found |= {id: (section, number) for number, id in re.findall(r"\*\*(\d+b?)\.\s*`([a-z0-9_]+)`", line)}
    return found


def test_every_entry_of_the_catalogue_is_a_metric_of_its_number(shared: Path) -> None:
    wanted = entries((shared / "metrics-catalogue.md").read_text("utf-8"))
    asked = {id: number for id, (section, number) in wanted.items() if section in SECTIONS or number in ETHICS}
    numbers = {metric.id: metric.number for metric in METRICS}

    assert len(asked) == 103 + len(ETHICS)
    commands = {id: number for id, (number, _) in COMMANDS.items()}
    assert {id: (numbers | commands).get(id) for id in asked} == asked


def test_an_entry_that_is_no_metric_is_a_command() -> None:
    for _, commands in COMMANDS.values():
        for words in commands:
            found: click.Command | None = root
            for word in words.split():
                assert isinstance(found, click.Group)
                found = found.get_command(click.Context(found), word)
            assert found is not None, words


def test_no_two_metrics_share_an_id() -> None:
    assert len({metric.id for metric in METRICS}) == len(METRICS)


def test_every_metric_has_a_number_of_the_catalogue(shared: Path) -> None:
    known = {number for _, number in entries((shared / "metrics-catalogue.md").read_text("utf-8")).values()}

    assert {metric.id: metric.number for metric in METRICS if metric.number not in known} == {}
