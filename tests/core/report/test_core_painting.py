"""Drawing pictures in a process of its own: the same pictures, and no report that hangs on it."""

from __future__ import annotations

import sys
from datetime import date

import pytest

from persync.report.painting import Painter, draw

BARS = {
    "data": {"values": [{"name": "a", "x": 1}, {"name": "b", "x": 3}]},
    "mark": "bar",
    "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "name", "type": "nominal"}},
}
CONFIG = {"background": None, "mark": {"color": "var(--c1)"}}


def test_a_painter_draws_what_this_process_would_draw_and_refuses_what_it_would() -> None:
    with Painter() as painter:
        assert painter._child is not None
        drawn = painter.draw(BARS, CONFIG)
        with pytest.raises(ValueError, match="."):
            painter.draw({"mark": {"type": []}, "encoding": 3}, CONFIG)
        with pytest.raises(ValueError, match="not JSON serializable"):
            painter.draw({**BARS, "data": {"values": [{"name": "a", "x": date(2026, 1, 1)}]}}, CONFIG)
        assert painter.draw({**BARS, "mark": "line"}, CONFIG) == draw({**BARS, "mark": "line"}, CONFIG)
        child = painter._child

    assert drawn == draw(BARS, CONFIG)
    assert "<svg" in drawn
    assert child is not None
    assert child.returncode is not None


def test_a_painter_whose_process_died_draws_here() -> None:
    with Painter() as painter:
        assert painter._child is not None
        painter._child.kill()
        painter._child.wait()

        assert painter.draw(BARS, CONFIG) == draw(BARS, CONFIG)
        assert painter._child is None


def test_a_painter_that_cannot_start_a_process_draws_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    with Painter() as painter:
        assert painter._child is None
        assert painter.draw(BARS, CONFIG) == draw(BARS, CONFIG)
