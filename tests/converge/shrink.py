"""Shortens a history that goes wrong to one in which every step is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from converge.history import History, Step

TRIALS = 300
"""lives lived at most: a shorter history is worth some minutes, not an hour"""


def shrunk(history: History, is_wrong: Callable[[History], bool]) -> History:
    """Return a shorter history that is wrong as well: first without ever smaller runs of steps, then of fewer connections."""
    left = [TRIALS]

    def wrong(tried: History) -> bool:
        left[0] -= 1
        return left[0] >= 0 and is_wrong(tried)

    for name in history.connections:
        fewer = tuple(one for one in history.connections if one != name)
        if fewer and wrong(tried := replace(history, connections=fewer)):
            history = tried
    size = len(history.steps)
    while size and left[0] > 0:
        start = 0
        while start < len(history.steps):
            steps = history.steps[:start] + history.steps[start + size :]
            if wrong(tried := replace(history, steps=steps)):
                history = tried
            else:
                start += size
        size //= 2
    return _smaller_numbers(history, wrong)


def _smaller_numbers(history: History, wrong: Callable[[History], bool]) -> History:
    for number, step in enumerate(history.steps):
        for tried_step in (Step(step.word, 0, 0), Step(step.word, 0, step.b), Step(step.word, step.a, 0)):
            steps = (*history.steps[:number], tried_step, *history.steps[number + 1 :])
            if tried_step != step and wrong(tried := replace(history, steps=steps)):
                history = tried
                break
    return history
