"""What a run of the benchmarks found: printed line by line as it is found, and kept for others to read."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
ROUNDS = HERE / "rounds.json"


class Table:
    """The results of one run, by name."""

    def __init__(self) -> None:
        self.results: dict[str, dict[str, Any]] = {}
        self.rounds: dict[str, list[float]] = {}

    def note(
        self,
        name: str,
        values: float | Sequence[float],
        unit: str,
        target: float | None = None,
        better: str = "higher",
        ok: bool | None = None,
    ) -> None:
        """Take the median of the rounds' values and hold it against the target; say `ok` where more than that decides."""
        rounds = [float(value) for value in (values if isinstance(values, Sequence) else [values])]
        value = statistics.median(rounds)
        if ok is None:
            ok = target is None or (value >= target if better == "higher" else value <= target)
        self.results[name] = {"value": round(value, 4), "unit": unit, "target": target, "better": better, "ok": ok}
        self.rounds[name] = [round(one, 4) for one in rounds]
        wanted = "" if target is None else f"{'>=' if better == 'higher' else '<='} {target:g}"
        spread = f"{min(rounds):,.3g} .. {max(rounds):,.3g} in {len(rounds)}" if len(rounds) > 1 else ""
        print(f"{name:32} {value:14,.3f} {unit:12} {wanted:10} {'ok' if ok else 'MISSED':7} {spread}".rstrip(), flush=True)

    def save(self, results: Path = RESULTS, rounds: Path = ROUNDS) -> None:
        """Write {name: {value, unit, target, better, ok}}, and each round's value beside it."""
        results.write_text(json.dumps(self.results, indent=2) + "\n", encoding="utf-8")
        rounds.write_text(json.dumps(self.rounds, indent=2) + "\n", encoding="utf-8")

    @property
    def exit_code(self) -> int:
        """1 when a target was missed."""
        return int(not all(one["ok"] for one in self.results.values()))
