"""The user's own weights in persync.toml, checked and turned into models."""

from __future__ import annotations

from collections.abc import Mapping

from persync.attribution import custom
from persync.attribution.models import AttributionModel
from persync.errors import ConfigError
from persync.settings.tables import WeightsTable
from persync.settings.toml import Places


def own_models(tables: Mapping[str, WeightsTable], place: Places) -> tuple[AttributionModel, ...]:
    """Return the model of each [attribution.weights.NAME]. Raise ConfigError with its place in the file."""
    return tuple(_model(name, table, place.of(f"attribution.weights.{name}")) for name, table in tables.items())


def _model(name: str, table: WeightsTable, where: str) -> AttributionModel:
    ways = [
        way
        for way, given in (
            ("first, last and rest", bool(table.first or table.last) or table.rest is not None),
            ("channels and other", bool(table.channels) or table.other is not None),
            ("expression", table.expression is not None),
        )
        if given
    ]
    if len(ways) != 1:
        text = f"'{name}' has no weights." if not ways else f"'{name}' has weights of two kinds: {' beside '.join(ways)}."
        raise ConfigError(text, where=where, hint="Write first, last and rest, or channels and other, or expression.")
    try:
        if table.expression is not None:
            return custom.by_expression(name, table.expression, table.summary)
        if table.channels or table.other is not None:
            return custom.by_channel(name, table.channels, table.other or 0.0, table.summary)
        return custom.by_position(name, table.first, table.last, table.rest or 0.0, table.summary)
    except ConfigError as error:
        raise error.at(where) from None
