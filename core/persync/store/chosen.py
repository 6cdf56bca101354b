"""What people decided to do about an unfair decision: entries of the run log, written once and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from persync.store.log import append
from persync.store.store import Store

EVENT: Final = "fairness decided"


@dataclass(frozen=True, slots=True)
class Choice:
    """That somebody chose a `method` of mitigation at a `strength` (0 to 1), and why (`because`).

    It is about the imported `decision` or the `message` of that title, assessed by the attribute `by`; the other is "".
    """

    method: str
    strength: float
    decision: str
    message: str
    by: str
    because: str

    @property
    def words(self) -> str:
        """The choice in a line."""
        about = f"the decision '{self.decision}'" if self.decision else f"the message '{self.message}'"
        return f"{about} by {self.by}: {self.method} at {self.strength:g}, because: {self.because}"


def note(store: Store, choice: Choice, *, now: int) -> None:
    """Write a choice into the log."""
    detail = {name: value for name, value in asdict(choice).items() if value != ""}
    with store.transaction() as db:
        append(db, None, now, EVENT, json.dumps(detail, ensure_ascii=False))


def noted(store: Store) -> Iterator[tuple[int, Choice]]:
    """Yield when (epoch ms) and what was chosen, the oldest first."""
    rows = store.db.execute("SELECT happened_at, detail FROM log WHERE event = ? ORDER BY entry", (EVENT,)).fetchall()
    for happened_at, detail in rows:
        try:
            told = json.loads(detail)
        except ValueError:  # a sentence: stores of the first releases
            told = {"because": detail}
        words = {name: str(told.get(name, "")) for name in ("method", "decision", "message", "by", "because")}
        yield int(happened_at), Choice(strength=float(told.get("strength", 0)), **words)
