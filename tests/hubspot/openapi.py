"""HubSpot's own descriptions of its API, and where a call or an answer does not fit them.

`Contract(folder)` reads every description of one API version (and the v1 e-mail endpoints) from a folder;
`request_problems` and `answer_problems` say in one line each what does not fit. Faults of the descriptions themselves are
named in `FAULTS`: a problem that one of them explains is left out, and noted in `Contract.met`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from jsonschema import Draft202012Validator, FormatChecker


class Fault(NamedTuple):
    """Where a description is wrong about the API it describes: which problems it explains, and how one knows."""

    explains: str
    """a pattern over `METHOD path: problem`"""
    why: str


FAULTS: Mapping[str, Fault] = {
    "sorts-are-objects": Fault(
        r"POST \S+/search: body\.sorts\[\d+\]: \{.*\} is not of type 'string'",
        "the search takes {propertyName, direction}; every client sends objects, the description says strings",
    ),
    "errors-have-a-status": Fault(
        r".*: answer: Additional properties are not allowed \('status' was unexpected\)",
        "every error body carries status: error, which the Error schema does not list",
    ),
    "errors-of-limits-have-a-policy": Fault(
        r".*: answer: Additional properties are not allowed \((?:'\w+', )*'policyName'(?:, '\w+')* were unexpected\)",
        "the body of a 429 names the limit (policyName, errorType), which the Error schema does not list",
    ),
    "histogram-names-its-statistics-otherwise": Fault(
        r"GET /marketing/emails/\S+/statistics/histogram: answer\.results\[\d+\]: "
        r"('aggregations' is a required property|Additional properties .*'aggregateStatistic' was unexpected\))",
        "the reference's example says aggregateStatistic where the description says aggregations; both are read",
    ),
}


DEEPEST = 8
"""levels to which an answer is filled: some schemas hold themselves"""


class Operation(NamedTuple):
    """One path and method of a description."""

    pattern: str
    parameters: list[dict[str, Any]]
    body: Any
    answers: dict[str, Any]
    components: Any


class Contract:
    """The descriptions of one API version."""

    def __init__(self, folder: Path, version: str = "2026-09") -> None:
        self._operations: dict[str, list[Operation]] = {}
        self.met: set[str] = set()
        """the faults that explained a problem so far"""
        files = [*sorted(folder.glob(f"*.{version}.openapi.json")), folder / "email_analytics.v1.openapi.json"]
        for file in files:
            self._add(json.loads(file.read_bytes()))

    def _add(self, told: dict[str, Any]) -> None:
        components = as_json_schema(told["components"])
        for pattern, item in told["paths"].items():
            for method, operation in item.items():
                if method in ("get", "post", "put", "patch", "delete"):
                    given = [*item.get("parameters", []), *operation.get("parameters", [])]
                    body = next(iter(operation.get("requestBody", {}).get("content", {}).values()), {}).get("schema")
                    found = Operation(pattern, [_resolved(told, one) for one in given], body, {}, components)
                    for status, response in operation["responses"].items():
                        content = _resolved(told, response).get("content", {})
                        found.answers[status] = next(iter(content.values()), {}).get("schema")
                    self._operations.setdefault(method.upper(), []).append(found)

    def knows(self, method: str, path: str) -> bool:
        """Tell whether any description has this call."""
        return self._of(method, path) is not None

    def request_problems(self, method: str, path: str, query: str = "", body: Any = None) -> list[str]:
        """Return where a call does not fit: its path, its query's names and values, its body."""
        operation = self._of(method, path)
        if operation is None:
            return [f"{method} {path}: no description has this call"]
        return self._unexplained(f"{method} {path}", self._asked(operation, query, body))

    def answer_problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """Return where an answer does not fit the schema of its status; fields the schema does not list are problems too."""
        operation = self._of(method, path)
        if operation is None:
            return [f"{method} {path}: no description has this call"]
        found = operation.answers
        # A batch that is half done has the shape of a whole one, with errors beside its results; few descriptions list it.
        usual = found.get("200") if status == 207 else found.get("default") if status >= 300 else None
        schema = found.get(str(status), usual)
        if schema is None:
            return [f"{method} {path}: no description of an answer with HTTP {status}"]
        return self._unexplained(f"{method} {path}", _misfits(schema, operation.components, body, "answer"))

    def filled(self, method: str, path: str, body: Any) -> Any:
        """Return a good answer with every field that its description lists, null where it had none."""
        operation = self._of(method, path)
        assert operation is not None
        return _filled(operation.answers.get("200", operation.answers.get("default")), operation.components, body)

    def _asked(self, operation: Operation, query: str, body: Any) -> Iterator[str]:
        known = {one["name"]: one for one in operation.parameters if one["in"] == "query"}
        given = parse_qs(query, keep_blank_values=True)
        for name in sorted(known):
            if known[name].get("required") and name not in given:
                yield f"query.{name}: it is required"
        for name, values in given.items():
            if name not in known:
                yield f"query.{name}: there is no such parameter"
            else:
                value = _typed(values, known[name]["schema"], operation.components)
                yield from _misfits(known[name]["schema"], operation.components, value, f"query.{name}")
        if operation.body is None:
            if body is not None:
                yield "body: this call takes none"
        else:
            yield from _misfits(operation.body, operation.components, body, "body")

    def _of(self, method: str, path: str) -> Operation | None:
        fitting = [one for one in self._operations.get(method, []) if _pattern(one.pattern).fullmatch(path)]
        # A fixed path before one with a name in it: /campaigns/by-id is no campaign called "by-id".
        return min(fitting, key=lambda one: one.pattern.count("{"), default=None)

    def _unexplained(self, call: str, problems: Iterator[str]) -> list[str]:
        found = []
        for problem in problems:
            line = f"{call}: {problem}"
            fault = next((name for name, one in FAULTS.items() if re.match(one.explains, line, re.DOTALL)), None)
            if fault is None:
                found.append(line)
            else:
                self.met.add(fault)
        return found


def _filled(schema: dict[str, Any], components: Any, value: Any, depth: int = 0) -> Any:
    schema = _resolved({"components": components}, schema)
    if depth > DEEPEST:
        return value
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        value = _filled(part, components, value, depth)
    if schema.get("type") == "array":
        return [_filled(schema.get("items", {}), components, one, depth + 1) for one in value or [None]]
    if schema.get("properties"):
        known = value if isinstance(value, dict) else {}
        found = {name: _filled(below, components, known.get(name), depth + 1) for name, below in schema["properties"].items()}
        return {**known, **found}
    return value


def _resolved(told: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = told
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(text)))


def _typed(values: list[str], schema: dict[str, Any], components: Any) -> Any:
    """Return what a query says, in the type that its parameter has; what cannot be read stays text, and so does not fit."""
    kind = schema.get("type")
    if kind == "array":
        return [_typed([part], schema["items"], components) for value in values for part in value.split(",")]
    if len(values) != 1:
        return values
    (value,) = values
    if kind == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time")
def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return "T" in value and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


@_FORMATS.checks("uuid")
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None


def _misfits(schema: Any, components: Any, value: Any, where: str) -> Iterator[str]:
    document = {**as_json_schema(schema), "components": components}
    for problem in Draft202012Validator(document, format_checker=_FORMATS).iter_errors(value):
        yield f"{where}{problem.json_path.removeprefix('$')}: {problem.message[:200]}"


def as_json_schema(node: Any) -> Any:
    """Turn OpenAPI 3.0 into JSON Schema: `nullable` is a type, and an object with listed fields has no others."""
    if isinstance(node, list):
        return [as_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: as_json_schema(child) for name, child in node.items() if name not in ("nullable", "example")}
    if node.get("nullable") and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    if node.get("type") == "object" and node.get("properties") and "additionalProperties" not in node:
        found["additionalProperties"] = False
    return found
