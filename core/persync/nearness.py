"""Which of the things there are somebody may have meant: by a name typed wrongly, or by words of its name or its title.

A metric called `ctr` is found by "ctrr" and by "click_rte", for its title is "Click-through rate".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Final

__all__ = ["near"]

MOST: Final = 3
"""so many are named at most"""
NEAR: Final = 0.6
"""how like it must be, of 1: about what difflib takes for a typing error"""
SLIP: Final = 0.85
"""what is this like is that name with a slip, whatever else shares words with it"""
BESIDE: Final = 0.1
"""what comes this near to the nearest may have been meant as well"""
BEGINNING: Final = 3
"""so many letters of a name's beginning stand for it"""
_SMALL: Final = frozenset(
    ("a", "an", "and", "as", "by", "for", "in", "is", "it", "of", "on", "or", "per", "the", "to", "we", "what", "who")
)
"""words that say nothing of what is meant"""


def near(wrong: str, names: Mapping[str, str]) -> list[str]:
    """Return the names that may have been meant, the likeliest first, at most three; `names` are {name: title, "" for none}.

    A typing error has one answer; words may have several.
    """
    typed = wrong.strip().lower()
    words = _words(typed)
    bare = _bare(typed)
    typing = {name: max(_like(bare, _bare(name)), _like(bare, _bare(title))) for name, title in names.items()}
    saying = {name: max(_covered(words, _words(name)), _covered(words, _words(title))) for name, title in names.items()}
    for name in names:
        if len(typed) >= BEGINNING and name.lower().startswith(typed):
            saying[name] = max(saying[name], NEAR)
    slip = max(names, key=lambda name: (typing[name], -len(name)), default="")
    if names and typing[slip] >= SLIP:
        return [slip]
    found = sorted(names, key=lambda name: (-max(typing[name], saying[name]), len(name), name))
    best = max((max(typing[name], saying[name]) for name in found[:1]), default=0.0)
    if best < NEAR:
        return []
    if typing[found[0]] >= saying[found[0]]:
        return found[:1]
    return [name for name in found[:MOST] if saying[name] >= max(best - BESIDE, NEAR)]


def _covered(words: list[str], among: list[str]) -> float:
    """Return how well these words are found among others, from 0 to 1; best where there are no others."""
    if not words or not among:
        return 0.0
    found = [max((_like(word, other) for other in among), default=0.0) for word in words]
    # A word is meant or it is not: halves of two words make none.
    mean = sum(one if one > 0.75 else 0.0 for one in found) / len(words)
    return mean * (0.8 + 0.2 * min(1.0, len(words) / len(among)))


def _bare(text: str) -> str:
    """Return a text without what stands between its words: "open rate" is `open_rate`."""
    return re.sub(r"[\W_]+", "", text.lower())


def _words(text: str) -> list[str]:
    found = re.findall(r"[^\W_]+", text.lower())
    return [word for word in found if word not in _SMALL] or found


def _like(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    if min(len(one), len(other)) * 2 / (len(one) + len(other)) < NEAR:
        return 0.0  # two lengths alone rule it out, which spares most of the work
    ratio = SequenceMatcher(None, other, one).ratio()
    # Two letters that changed places are one slip, which the ratio takes for two.
    apart = [at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right]
    swapped = len(one) == len(other) and len(apart) == 2 and apart[1] == apart[0] + 1 and sorted(one) == sorted(other)
    return max(ratio, SLIP) if swapped and len(one) >= BEGINNING else ratio
