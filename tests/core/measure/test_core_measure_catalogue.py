"""The registry against the catalogue: every entry of its sections on what pays is a metric of that number."""

from __future__ import annotations

import re
from pathlib import Path

from persync.measure import METRICS

SECTIONS = "ABCDEFGLN"
"""engagement, conversion, value, return, experiments, segments, context and automations, after the ground rules"""
ETHICS = tuple(str(number) for number in range(125, 148) if number != 141)
"""the entries of section K that are there"""


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
    assert {id: numbers.get(id) for id in asked} == asked


def test_no_two_metrics_share_an_id() -> None:
    assert len({metric.id for metric in METRICS}) == len(METRICS)


def test_every_metric_has_a_number_of_the_catalogue(shared: Path) -> None:
    known = {number for _, number in entries((shared / "metrics-catalogue.md").read_text("utf-8")).values()}

    assert {metric.id: metric.number for metric in METRICS if metric.number not in known} == {}
