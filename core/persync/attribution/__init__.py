"""Attribution: journeys, the cent ledger, credit by model, and the platforms' claims held against the till."""

from persync.attribution.models import MODELS, AttributionModel

__all__ = ["MODELS", "AttributionModel"]
