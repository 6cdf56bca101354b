"""Stand-ins for orchestrators: modules whose functions keep what they were called with."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

Called = tuple[str, tuple[Any, ...], dict[str, Any]]
"""(function, arguments, named arguments)"""
MODULES = (
    "pendulum",
    "dagster",
    "prefect",
    "prefect.schedules",
    "airflow",
    "airflow.sdk",
    "airflow.providers",
    "airflow.providers.standard",
    "airflow.providers.standard.operators",
    "airflow.providers.standard.operators.bash",
)


def stand_in(monkeypatch: pytest.MonkeyPatch, calls: list[Called]) -> None:
    """Let whoever imports an orchestrator get a stand-in that keeps its calls."""
    for name in MODULES:
        monkeypatch.setitem(sys.modules, name, Recorder(name, calls))


class Recorder(types.ModuleType):
    """A module of which every name is a function that keeps its calls, and decorates what it is given."""

    def __init__(self, name: str, calls: list[Called]) -> None:
        super().__init__(name)
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "DefaultScheduleStatus":
            return types.SimpleNamespace(RUNNING="RUNNING")
        if name == "BashOperator":
            return _operator(name, self._calls)

        def call(*arguments: Any, **named: Any) -> Any:
            self._calls.append((name, arguments, named))
            return Decorator()

        return call


def _operator(name: str, calls: list[Called]) -> type:
    """Return a class to inherit from, as Airflow's operators are, that keeps what it was made with, and itself as `made`."""

    class Operator:
        def __init__(self, **named: Any) -> None:
            calls.append((name, (), {**named, "made": self}))

    return Operator


class Decorator:
    """What such a call returns: a context, and a decorator that changes nothing."""

    def __enter__(self) -> Decorator:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, function: Any) -> Any:
        return function
