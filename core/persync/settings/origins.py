"""Where each setting comes from: a line of persync.toml, the store, or persync's own default; and where each secret lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from persync import secrets
from persync.redact import BLANK, redacted
from persync.settings.connections import FILE, find_secrets
from persync.settings.notify import NotifyTable
from persync.settings.project import ALONE, NAMED, Project, shop_timezone
from persync.settings.toml import Places, parse_toml, read_text, tables_in

if TYPE_CHECKING:
    from persync.plugins import Host

DEFAULT: Final = "default"
NOWHERE: Final = "not found"
FILLED: Final = {"folder"}
"""fields of a connection's settings that persync fills itself"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its dotted `name`, its `value` as TOML has it (None: none), and its `origin`.

    `origin` is `default`, `persync.toml:7` (a line), or in words where else the value comes from. A secret's value is never
    here: it is `(secret)`, or None where none is found.
    """

    name: str
    value: Any
    origin: str


def origins(project: Project, host: Host) -> Iterator[Setting]:
    """Yield every setting of a project, table by table, and after a connection's or channel's own settings its secrets.

    Texts are blanked as in messages: secrets, addresses, phone numbers, the queries of web addresses. Raise ConfigError for a
    file that cannot be read, or a secrets file that others may read.
    """
    path = project.folder / FILE
    text = read_text(path) or ""
    given = parse_toml(text, path)
    place = Places(text, FILE)
    for name in sorted((*ALONE, *NAMED)):
        if name in ALONE:
            yield from map(_blanked, _of_table(ALONE[name], given.get(name, {}), name, place, project))
            continue
        for each, table in given.get(name, {}).items():
            models = _models_of(name, each, project, host)
            yield from map(_blanked, _of_named(models, table, f"{name}.{each}", place))
            yield from _secrets_of(name, each, project, host)


def _of_table(
    model: type[BaseModel], given: Mapping[str, Any], prefix: str, place: Places, project: Project
) -> Iterator[Setting]:
    for one in _of_model(model, given, prefix, place):
        derived = _DERIVED.get(one.name) if one.origin == DEFAULT and one.value is None else None
        yield derived(project) if derived else one


def _of_named(models: tuple[type[BaseModel], ...], given: Mapping[str, Any], prefix: str, place: Places) -> Iterator[Setting]:
    """Yield the settings of a table whose keys belong to several models; keys of none of them stand first."""
    known = {info.alias or name for model in models for name, info in model.model_fields.items()}
    for key, value in given.items():
        if key not in known:
            yield Setting(f"{prefix}.{key}", value, _written(f"{prefix}.{key}", place))
    for model in models:
        yield from _of_model(model, given, prefix, place)


def _of_model(model: type[BaseModel], given: Mapping[str, Any], prefix: str, place: Places) -> Iterator[Setting]:
    """Yield the settings that a model has; tables within it are gone into."""
    for field, info in model.model_fields.items():
        key = info.alias or field
        name = f"{prefix}.{key}"
        if key in FILLED:
            continue
        inner = tables_in(info.annotation)
        value = given.get(key)
        if inner and inner[0] is info.annotation:
            yield from _of_model(inner[0], value or {}, name, place)
        elif inner and isinstance(value, dict) and value:
            for each, table in value.items():
                if isinstance(table, dict):
                    yield from _of_model(inner[0], table, f"{name}.{each}", place)
                else:
                    yield Setting(f"{name}.{each}", table, _written(f"{name}.{each}", place))
        elif key in given:
            yield Setting(name, value, _written(name, place))
        else:
            default = None if info.is_required() else info.get_default(call_default_factory=True)
            yield Setting(name, list(default) if isinstance(default, tuple) else default, DEFAULT)


def _written(name: str, place: Places) -> str:
    line = place.line(name)
    return f"{FILE}:{line}" if line else FILE


def _models_of(kind: str, name: str, project: Project, host: Host) -> tuple[type[BaseModel], ...]:
    """Return the models of a table [kind.name]: none of their own where the plugin that has them failed."""
    if kind == "connections":
        settings = project.connections.get(name)
        return (type(settings),) if settings else ()
    if kind == "notify":
        channel = project.channels.get(name)
        own = host.notifiers[channel.via].settings_type if channel else None
        return (NotifyTable, own) if isinstance(own, type) and issubclass(own, BaseModel) else (NotifyTable,)
    return (NAMED[kind],)


def _secrets_of(kind: str, name: str, project: Project, host: Host) -> Iterator[Setting]:
    found: Mapping[str, secrets.Found]
    if kind == "connections" and name in project.connections:
        names, found = project.secret_names[name], find_secrets(project, host, name)
    elif kind == "notify" and name in project.channels:
        names = project.channels[name].secret_names
        looked = {secret: secrets.find(secret, env, project.folder) for secret, env in names.items()}
        found = {secret: one for secret, one in looked.items() if one is not None}
    else:
        return
    for secret, env in names.items():
        one = found.get(secret)
        yield Setting(f"{kind}.{name}.{secret}", BLANK if one else None, one.where if one else f"{NOWHERE} ({env})")


def _timezone(project: Project) -> Setting:
    found = shop_timezone(project.store_path)
    return Setting("report.timezone", found or "UTC", "the shop's own, in the store" if found else DEFAULT)


def _name(project: Project) -> Setting:
    return Setting("report.name", project.folder.resolve().name, "the folder's name")


_DERIVED: Final = {"report.timezone": _timezone, "report.name": _name}
"""settings of which the default lies elsewhere"""


def _blanked(one: Setting) -> Setting:
    return Setting(redacted(one.name), _shown(one.value), one.origin)


def _shown(value: Any) -> Any:
    """Return a value of TOML as plain JSON can have it, its texts without what must not be shown."""
    if isinstance(value, dict):
        return {redacted(str(key)): _shown(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(each) for each in value]
    if isinstance(value, BaseModel):
        return _shown(value.model_dump(mode="json"))
    if isinstance(value, str | Path):
        return redacted(str(value))
    return value if value is None or isinstance(value, bool | int | float) else str(value)
