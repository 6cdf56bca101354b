"""The section that compares models: verdicts, distances from the holdout, other settings, and what is overstated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from persync.attribution.calibrate import Against
from persync.attribution.datadriven import Fitted
from persync.attribution.models import MODELS
from persync.attribution.registry import FITTED
from persync.attribution.stability import Standing
from persync.errors import DataError
from persync.estimate import Estimate, missing
from persync.report.report import Block, Inputs, Note, Table
from persync.report.sections import models


def texts(blocks: Sequence[Block], tone: str) -> list[str]:
    return [block.text for block in blocks if isinstance(block, Note) and block.tone == tone]


def share(model: str, value: float) -> Estimate:
    return Estimate("credit_share", value, value - 0.1, value + 0.1, unit="share", by={"model": model, "channel": "email"})


def held(model: str, credited: float, caused: float = 50.0) -> Against:
    by = {"model": model, "experiment": "test"}
    lift = Estimate("incremental_revenue", caused, caused - 20, caused + 20, unit="EUR", label="holdout", n=90)
    ratio = Estimate("caused_share", caused / credited, unit="share", by=by, label="holdout")
    return Against(model, Estimate("credited_to_email", credited, n=60, unit="EUR", by=by), lift, ratio)


def test_over_a_shop_the_section_says_what_is_robust_and_names_what_is_not_compared(inputs: Inputs) -> None:
    blocks = models.build_models(inputs)
    tables = {block.name: block for block in blocks if isinstance(block, Table)}

    assert "model_comparison" in tables
    assert {row[-1] for row in tables["model_comparison"].rows} <= {"robust", "depends on the model"}
    assert any("robust" in text or "depends on the model" in text for text in texts(blocks, "answer"))


def test_without_orders_models_cannot_be_compared(empty_inputs: Inputs) -> None:
    with pytest.raises(DataError, match="there are no orders"):
        models.build_models(empty_inputs)
    with pytest.raises(DataError, match="no attribution model"):
        models.build_models(replace(empty_inputs, models=()))


def test_the_nearest_and_the_farthest_rule_are_named_and_the_scaled_one_is_neither() -> None:
    note, table = models._held([held("linear", 80.0), held("first_touch", 45.0), held("linear_calibrated", 50.0)])

    assert isinstance(note, Note)
    assert isinstance(table, Table)
    assert "first touch credits e-mail with 45.00 EUR, the nearest, and linear with 80.00 EUR, the farthest" in note.text
    off = {row[0]: row[2] for row in table.rows}
    assert {name: (e.value, e.low, e.high) for name, e in off.items() if isinstance(e, Estimate)} == {
        "linear": (30.0, 10.0, 50.0),
        "first touch": (-5.0, -25.0, 15.0),
        "linear, calibrated": (0.0, -20.0, 20.0),
    }


def test_without_a_holdout_it_is_said_why() -> None:
    reason = "no_holdout"
    none = Against("linear", missing("credited_to_email", reason), missing("x", reason), missing("caused_share", reason))

    (note,) = models._held([none])

    assert note == Note("No model can be held against a holdout: no holdout or test with a control has been read.")


def test_a_channel_known_from_orders_alone_is_called_overstated() -> None:
    fitted = [replace(FITTED[0], fitted=Fitted({"direct": 1.0}, unheld=("direct", "paid_search"))), MODELS[0]]

    (note,) = models._unheld(fitted)

    assert note.tone == "warning"
    assert note.text.startswith("Direct and paid search are known from orders alone")
    assert "so markov removal overstates them and understates e-mail" in note.text
    assert models._unheld(MODELS) == []


def test_verdicts_name_each_side() -> None:
    moving = Standing("email", 1, 3, share("a", 0.1), share("b", 0.4))
    still = Standing("google", 2, 2, share("a", 0.3), share("b", 0.3))

    (note,) = models._verdicts([moving, still], 9)

    assert note.text == (
        "Where e-mail stands depends on the model. The rank of google is robust: it moves by one place at most across 9 models."
    )
