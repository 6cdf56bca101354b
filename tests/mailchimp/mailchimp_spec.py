"""A small reader of the official OpenAPI file: does a call, does an answer fit it?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DATES = FormatChecker(formats=())


@DATES.checks("date-time", ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


class Specification:
    """One OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._registry: Any = Registry().with_resource("urn:spec", Resource(document, DRAFT202012))
        # Whatever has no {parameter} first: /lists/x before /lists/{list_id}.
        self._paths = sorted(document["paths"], key=lambda path: (path.count("{"), path))

    def path_of(self, path: str) -> str | None:
        """Return the documented path that a call's path is one of."""
        for known in self._paths:
            if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", known), path):
                return str(known)
        return None

    def call_problems(self, method: str, path: str, query: Mapping[str, str], body: Any = None) -> Iterator[str]:
        """Yield where a call departs from what is documented: path, method, names, types, enums and bounds of parameters."""
        known = self.path_of(path)
        if known is None:
            yield f"{path}: unknown path"
            return
        operation = self.document["paths"][known].get(method.lower())
        if operation is None:
            yield f"{known}: no {method}"
            return
        declared = {
            parameter["name"]: self.resolved(parameter["schema"])
            for parameter in map(
                self.resolved, [*self.document["paths"][known].get("parameters", ()), *operation.get("parameters", ())]
            )
            if parameter["in"] == "query"
        }
        for name, value in query.items():
            if name not in declared:
                yield f"{known}: unknown parameter {name}"
            elif (problem := _value_problem(declared[name], value)) is not None:
                yield f"{known}: {name} {problem}"
        if method == "POST":
            pointer = f"urn:spec#/paths/{_escaped(known)}/post/requestBody/content/application~1json/schema"
            for error in Draft202012Validator({"$ref": pointer}, registry=self._registry).iter_errors(body):
                yield f"{known}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"

    def answer_errors(self, method: str, path: str, answer: Any) -> list[Any]:
        """Return the validation errors of a good answer to a call of a documented path."""
        pointer = f"urn:spec#/paths/{_escaped(path)}/{method.lower()}/responses/200/content/application~1json/schema"
        validator = Draft202012Validator({"$ref": pointer}, registry=self._registry, format_checker=DATES)
        return list(validator.iter_errors(answer))

    def problem_errors(self, answer: Any) -> list[Any]:
        """Return the validation errors of a problem document."""
        pointer = "urn:spec#/paths/~1ping/get/responses/default/content/application~1problem+json/schema"
        return list(Draft202012Validator({"$ref": pointer}, registry=self._registry).iter_errors(answer))

    def resolved(self, node: Any) -> Any:
        """Follow `$ref`."""
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def fields_of(self, path: str) -> set[str]:
        """Return every dotted path of a good GET answer that `fields` may name."""
        schema = self.document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        return set(self._fields(schema, ""))

    def _fields(self, schema: Any, prefix: str, depth: int = 0) -> Iterator[str]:
        schema = self.resolved(schema)
        for part in schema.get("allOf", ()):
            yield from self._fields(part, prefix, depth)
        if schema.get("type") == "array":
            yield from self._fields(schema["items"], prefix, depth)
        for name, below in schema.get("properties", {}).items():
            yield f"{prefix}{name}"
            if depth < 5:
                yield from self._fields(below, f"{prefix}{name}.", depth + 1)


def _value_problem(schema: Mapping[str, Any], value: str) -> str | None:
    kind = schema.get("type")
    if kind == "integer":
        if not value.isdecimal():
            return f"is no integer: {value}"
        if "maximum" in schema and int(value) > schema["maximum"]:
            return f"is more than {schema['maximum']}: {value}"
    if kind == "boolean" and value not in ("true", "false"):
        return f"is no boolean: {value}"
    if "enum" in schema and value not in schema["enum"]:
        return f"is not one of {schema['enum']}: {value}"
    if schema.get("format") == "date-time" and datetime.fromisoformat(value).tzinfo is None:
        return f"is no date with an offset: {value}"
    return None


def _escaped(path: str) -> str:
    return path.replace("~", "~0").replace("/", "~1")


def read(text: bytes) -> Specification:
    """Read the document."""
    return Specification(json.loads(text))
