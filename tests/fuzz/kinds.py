"""The kinds of hostile inputs, and the seeds that are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fuzz.csvs import csv_case
from fuzz.pulls import pull_case
from fuzz.tomls import toml_case
from fuzz.words import render_case, shop_case


class Kind(NamedTuple):
    """`case(seed, folder)` feeds some inputs and returns how many; it raises when one of them is not borne."""

    case: Callable[[str, Path], int]
    share: int
    """its part of a long run"""
    fixed: tuple[str, ...]
    """seeds that are tried at every change: some of any, and those that ever failed"""


KINDS = {
    "toml": Kind(toml_case, 40, (*map(str, range(40)), "99", "108", "353")),
    "report": Kind(render_case, 30, ("0", "1", "3", "10", "22", "5114")),
    "csv": Kind(csv_case, 9, ("0", "1", "2", "641", "923")),
    "shop": Kind(shop_case, 1, ("239df811-8",)),
    "pull": Kind(
        pull_case, 120, ("5", "7", "8", "11", "17", "239df811-9", "239df811-41", "239df811-66", "239df811-70", "239df811-270")
    ),
}
