"""All attribution models that come with persync, under the hook that plugins use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from persync import hookimpl
from persync.attribution.hazard import HAZARD
from persync.attribution.markov import MARKOV
from persync.attribution.models import AttributionModel
from persync.attribution.shapley import SHAPLEY

FITTED: Final = (MARKOV, SHAPLEY, HAZARD)


@hookimpl
def persync_attribution_models() -> Iterator[AttributionModel]:
    """Yield the models that are fitted to the journeys; the rules come from `models`."""
    yield from FITTED
