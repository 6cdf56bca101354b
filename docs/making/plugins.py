"""What plugins offer: connectors, hooks, metrics, models."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Final

from making.markdown import prose, table

BUNDLED: Final = ("mailchimp", "shopify", "hubspot", "files")

SHORT: Final = 130
"""a weight of more signs is not shown: its summary says it better"""


def connections() -> str:
    """What each connector that comes with persync can be told, and where its secrets are looked for."""
    from persync.connect import ConnectionSettings
    from persync.plugins import load_plugins

    host = load_plugins()
    rows = []
    for name in BUNDLED:
        connector = host.connectors[name]
        own = [
            f"`{key}`" + (" (required)" if info.is_required() else "")
            for key, info in connector.settings_type.model_fields.items()
            if key not in ConnectionSettings.model_fields and key != "folder"
        ]
        secrets = ", ".join(f"`{secret}`: `{env}`" for secret, env in connector.secrets.items())
        rows.append((f"`{name}`", ", ".join(own), secrets, connector.help))
    return table(("connector", "its own keys", "secrets: variable", "where they come from"), rows)


def hooks() -> str:
    """Each hook with its signature, what it says, and the type it yields."""
    from persync import hookspecs
    from persync.plugins import _KINDS, _resolve

    parts = []
    for kind in _KINDS.values():
        hook = getattr(hookspecs, kind.hook)
        offered = _resolve(kind.type)
        module, _, name = kind.type.partition(":")
        shape = f"    def {kind.hook}{inspect.signature(hook)}".replace("'", "")
        text = f"## {kind.hook}\n\n{shape}\n\n{prose(inspect.getdoc(hook) or '')}\n\n"
        text += f"`{_public(module, name)}.{name}`: {prose(inspect.getdoc(offered) or '')}\n"
        if dataclasses.is_dataclass(offered):
            fields = [(f"`{field.name}`", f"`{field.type}`") for field in dataclasses.fields(offered)]
            text += "\n" + table(("field", "type"), fields)
        parts.append(text)
    return "\n".join(parts)


def _public(module: str, name: str) -> str:
    """Return the shortest module that a type can be imported from."""
    package = module.rpartition(".")[0]
    return package if name in getattr(__import__(package, fromlist=["x"]), "__all__", ()) else module


def metrics() -> str:
    """Each registered metric."""
    from persync.measure import METRICS

    parts = []
    for metric in sorted(METRICS, key=lambda metric: metric.id):
        lines = [f"- **Formula** {metric.formula}", f"- **Unit** {metric.unit}"]
        lines += [f"- **By** {', '.join(metric.dimensions)}"] if metric.dimensions else []
        refused = "; ".join(f"{name}: {why}" for name, why in metric.refused.items())
        lines += [f"- **Not by** {refused}"] if refused else []
        lines += [f"- **Edge cases** {metric.edge_cases}"] if metric.edge_cases else []
        lines += [f"- **Reads** {', '.join(f'`{table}`' for table in metric.data)}"] if metric.data else []
        parts.append(f"## {metric.id}\n\n{metric.title}. {metric.definition}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def reasons() -> str:
    """Why a value can be missing."""
    from persync.report.words import REASONS

    return table(("reason", "means"), ((f"`{code}`", text) for code, text in REASONS.items()))


def models() -> str:
    """Each attribution model with its weight, where that is short enough to be read."""
    from persync.attribution.models import MODELS
    from persync.attribution.registry import FITTED

    weights = {model.name: _weight(model.weight, model.params) for model in MODELS}
    written = {name: f"`{weight}`" if len(weight) <= SHORT else "as said" for name, weight in weights.items()}
    rows = [(f"`{model.name}`", model.summary, written[model.name]) for model in MODELS]
    rows += [(f"`{model.name}`", model.summary, f"fitted to `{model.needs}`") for model in FITTED]
    return table(("model", "", "weight of a touch"), rows)


def _weight(expression: str, params: Mapping[str, float]) -> str:
    for name, value in params.items():
        expression = expression.replace(f":{name}", f"{value:g}")
    return expression
