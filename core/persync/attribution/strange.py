"""Models of plugins and of the user's own: each is tried before a ledger is written; a broken one costs itself alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from persync.attribution import journeys
from persync.attribution.calibrate import SUFFIX
from persync.attribution.ledger import faults
from persync.attribution.models import MODELS, AttributionModel
from persync.engine.engine import Engine

if TYPE_CHECKING:
    from persync.measure.metric import Ask

MODEL_FAILED: Final = "model_failed"
"""the reason of a model that cannot be worked out; its `failure` says why"""


def tried(engine: Engine, models: Sequence[AttributionModel], ask: Ask) -> list[AttributionModel]:
    """Return rule models as they are, but with reason and failure those that no ledger can be written with.

    What comes with persync is not tried: it is tested.
    """
    suspects = [model for model in models if not model.reason and is_strange(model)]
    if not suspects:
        return list(models)
    # The journeys that the ledger will read: of all orders where a fit has learnt from them.
    journeys.build(engine, ask, models, narrow=not any(model.fitted is not None for model in models))
    found = faults(engine, suspects, models)
    return [replace(one, reason=MODEL_FAILED, failure=found[one.name]) if one.name in found else one for one in models]


def is_strange(model: AttributionModel) -> bool:
    """Tell whether a model did not come with persync; a name of persync's own is nobody else's."""
    from persync.attribution.registry import FITTED

    return model.name.removesuffix(SUFFIX) not in {one.name for one in (*MODELS, *FITTED)}
