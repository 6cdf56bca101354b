"""Reading persync.toml so that every mistake has its line, and the nearest right word."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from persync.errors import ConfigError, nearest

Model = TypeVar("Model", bound=BaseModel)


def read_text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise ConfigError("there is no such folder.", where=str(path.parent)) from None
        return None
    except UnicodeDecodeError:
        raise ConfigError("the file is not UTF-8 text.", where=str(path)) from None
    except OSError as error:
        raise ConfigError(f"it cannot be read ({error.strerror}).", where=str(path)) from None


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).partition(" (at ")
        where = f"{path}, {place.rstrip(')')}" if place else str(path)
        # A key that the parser quotes may be a secret put in the wrong place: only its own words are repeated.
        raise ConfigError(f"this is not valid TOML: {what.split(':')[0].rstrip('.').lower()}.", where=where) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"this cannot be read as TOML: {unreadable(error)}.", where=str(path)) from None


def unreadable(error: Exception) -> str:
    """Say what is wrong with TOML that keeps to the grammar, and that Python's own parser trips over."""
    return "it is nested too deeply" if isinstance(error, RecursionError) else "a number in it has too many digits"


def named(given: Mapping[str, Any], kind: str, place: Places) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in given.get(kind, {}).items():
        if not isinstance(table, dict):
            raise ConfigError(f"'{name}' must be a table.", where=place.of(kind, name), hint=f"Write [{kind}.NAME].")
        yield name, table


class Places:
    """Where a table or a key stands in the file, for messages: tomllib does not tell."""

    def __init__(self, text: str, path: str) -> None:
        self._lines = text.splitlines()
        self._path = path

    def of(self, table: str, key: str = "") -> str:
        """Return `persync.toml, line 7, [connections.shop]`, without the line when it cannot be told."""
        line = self._line(table, key) or self._line(table)
        place = f"{self._path}, line {line}" if line else self._path
        return f"{place}, [{table}]" if table else place

    def line(self, dotted: str) -> int:
        """Return the line of a key (`report.margin`), in its table or with dots further out; 0 where nothing tells."""
        steps = dotted.split(".")
        for cut in range(len(steps) - 1, -1, -1):
            for end in range(len(steps), cut, -1):
                # [a.b] c = ..., then [a] b.c = ..., then [a] b = { c = ... }
                if found := self._line(".".join(steps[:cut]), *steps[cut:end]):
                    return found
        return self._line(dotted)

    def _line(self, table: str, *keys: str) -> int:
        """Return the line of a table's header, or of the key in it that these steps make with dots; 0 for none."""
        at = 0
        if table:
            header = re.compile(rf"\s*\[+\s*{_dotted(table.split('.'))}\s*\]+")
            at = next((n for n, line in enumerate(self._lines, 1) if header.match(line)), 0)
        if not any(keys) or (table and not at):
            return at
        wanted = re.compile(rf"\s*{_dotted(keys)}\s*[=.]|\s*\[+\s*{_dotted(keys)}\s*[.\]]")
        for number, text in enumerate(self._lines[at:], at + 1):
            if table and text.lstrip().startswith("["):
                break
            if wanted.match(text):
                return number
        return 0


def _dotted(steps: Iterable[str]) -> str:
    """Return the expression for a key of TOML, each step with or without quotation marks."""
    return r"\s*\.\s*".join(rf"[\"']?{re.escape(step)}[\"']?" for step in steps)


def checked(model: type[Model], values: Mapping[str, Any], table: str, place: Places, *, also: tuple[str, ...] = ()) -> Model:
    """Validate a table; the first error becomes a ConfigError. No message repeats a value: it may be a secret."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
    # A required key that is misspelt is unknown and missing at once: the unknown one is the mistake.
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    path = [part for part in first["loc"] if isinstance(part, str)]
    key = path[-1] if path else ""
    where = place.of(table, path[0] if path else "")
    if len(path) > 1 and ", line " in (deeper := place.of(".".join((table, *path[:-1])), key)):
        where = deeper
    if first["type"] == "extra_forbidden":
        owner = _inner(model, path[:-1])
        valid = [info.alias or name for name, info in owner.model_fields.items()] + list(also if owner is model else ())
        raise ConfigError(f"'{key}' is not a setting here.", where=where, hint=nearest(key, valid))
    if first["type"] == "missing":
        raise ConfigError(f"'{key}' is missing.", where=where, hint=f"Add {key} = ... to [{table}].")
    if first["type"] == "model_type" and path:
        wanted = _inner(model, path).model_fields
        needed = ", ".join(f"{info.alias or name} = ..." for name, info in wanted.items() if info.is_required())
        raise ConfigError(f"'{'.'.join(path)}': a table is wanted here.", where=where, hint=f"Write {{ {needed or '...'} }}.")
    what = first["msg"].removeprefix("Value error, ").rstrip(".")
    raise ConfigError(f"'{'.'.join(path)}': {what[0].lower() + what[1:]}.", where=where)


def _inner(model: type[BaseModel], path: list[str]) -> type[BaseModel]:
    """Return the model that a path of keys leads to."""
    for key in path:
        names = {info.alias or name: info for name, info in model.model_fields.items()}
        found = tables_in(names[key].annotation) if key in names else []
        model = found[0] if found else model
    return model


def tables_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the tables that a setting's type is made of: itself, or those in its list or by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in tables_in(part)]
