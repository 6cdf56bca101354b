"""What every connector must hold to, one claim a check: `CONNECTOR` in the order in which they say most."""

from __future__ import annotations

from typing import Final

from persync.testing.checks.check import Check, expect
from persync.testing.checks.failing import FAILING
from persync.testing.checks.reading import READING

CONNECTOR: Final[tuple[Check, ...]] = (*READING, *FAILING)

__all__ = ["CONNECTOR", "Check", "expect"]
