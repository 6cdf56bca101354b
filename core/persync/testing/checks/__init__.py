"""What every connector must hold to, one claim a check: `CONNECTOR` in the order in which they say most."""

from __future__ import annotations

from typing import Final

from persync.testing.checks.breaking import BREAKING
from persync.testing.checks.check import Check, NotTriedError, expect
from persync.testing.checks.failing import FAILING
from persync.testing.checks.reading import READING

CONNECTOR: Final[tuple[Check, ...]] = (*READING, *BREAKING, *FAILING)

__all__ = ["CONNECTOR", "Check", "NotTriedError", "expect"]
