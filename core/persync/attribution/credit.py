"""Credit by model and slice, as Estimates: sums of the cent ledger."""

from __future__ import annotations
