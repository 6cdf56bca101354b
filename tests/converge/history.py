"""A history: what the business did, when it was pulled, what went wrong then, and who was erased.

A step is a word and two numbers; `buy 3 1`. Told as text a history can be kept, repeated and shortened. A history begins with
the names of the connections that are pulled. Words of changes stand in business.py; the others are:

- `wait A B` time passes: minutes, hours or days, by B
- `pull A B` a pull of all connections, in the A-th order
- `full A B` the same with `--full`
- `killed A B` a pull whose process dies around the A-th commit, before or after it by B
- `stopped A B` a pull that is interrupted there (Ctrl-C)
- `lost A B` a pull whose calls get no answer from the A-th on, of one connection by B
- `failing A B` a pull in which some calls from the A-th on are answered by an error 500
- `part A B` a pull of some streams alone (`--stream`), of one connection by B
- `erase A B` a person is erased

A history is *neat* when each disturbed pull is followed at once, in the same moment, by a whole one; else the business goes
on before anybody pulls again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from converge.business import CHANGES
from converge.moments import DAY, HOUR, MINUTE
from converge.vendors import NAMES

WAITS = (10 * MINUTE, 5 * HOUR, 30 * HOUR, 8 * DAY, 3 * DAY, HOUR)
DISTURBED = ("killed", "stopped", "lost", "failing", "part")
PULLS = ("pull", "full")
JOINING = ("merge_contacts", "merge_customers", "erase", "leave", "restore", "join", "move", "buy")
"""what decides who somebody is, and whom an erasure meets; a share of all histories is of this alone"""


class Step(NamedTuple):
    """One thing that happens."""

    word: str
    a: int
    b: int

    def __str__(self) -> str:
        return f"{self.word} {self.a} {self.b}"


@dataclass(frozen=True)
class History:
    """The connections that are pulled, whether disturbed pulls are made good at once, and the steps."""

    connections: tuple[str, ...]
    neat: bool
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        head = f"{'neat' if self.neat else 'loose'} {'+'.join(self.connections)}"
        return "; ".join([head, *map(str, self.steps)])


def told(text: str) -> History:
    """Read a history from its text."""
    head, *steps = [part.split() for part in text.split(";") if part.strip()]
    return History(tuple(head[1].split("+")), head[0] == "neat", tuple(Step(word, int(a), int(b)) for word, a, b in steps))


def drawn(seed: str, connections: tuple[str, ...] = ()) -> History:
    """Draw a history, of the given connections or of drawn ones: the same seed gives the same one."""
    rng = Random(seed)
    count = rng.choices((1, 2, 3), (80, 15, 5))[0]
    # Shopify takes the fewest calls and has the most that may happen late.
    pool = list(dict.fromkeys(rng.choices(NAMES, (35, 40, 25), k=12)))
    connections = connections or tuple(sorted(pool[:count], key=NAMES.index))
    # Of a source of its own, so that all other histories stay what they were.
    joining = Random(f"{seed} joining").random() < 0.15
    return History(connections, rng.random() < 0.6, tuple(_steps(rng, connections, joining)))


def _steps(rng: Random, connections: tuple[str, ...], joining: bool) -> Iterator[Step]:
    words = [word for word, (_, shown) in CHANGES.items() if set(shown) & set(connections)]
    if joining:
        # Merges and erasures are what it is about, so they come oftener.
        often = {"merge_contacts": 3, "merge_customers": 3}
        words = [word for word in words if word in JOINING for _ in range(often.get(word, 1))] + ["erase"] * 2
    if rng.random() < 0.8:
        yield Step("pull", rng.randrange(6), 0)
    for _ in range(rng.choices((1, 2, 3), (35, 45, 20))[0]):
        for _ in range(rng.randrange(1, 5)):
            yield Step(rng.choice(words), rng.randrange(60), rng.randrange(60))
            if rng.random() < 0.25:
                yield Step("wait", 1 + rng.randrange(3), rng.randrange(len(WAITS)))
        chance = rng.random()
        if chance < 0.15:
            yield Step("erase", rng.randrange(60), rng.randrange(2))
        word = rng.choice(DISTURBED) if chance < 0.75 else "full" if chance > 0.97 else "pull"
        # Most pulls have some dozen commits: early ones are hit more often than late ones.
        yield Step(word, 1 + int(rng.random() ** 2 * 90), rng.randrange(12))
        if rng.random() < 0.5:
            yield Step("wait", 1 + rng.randrange(3), rng.randrange(len(WAITS)))
