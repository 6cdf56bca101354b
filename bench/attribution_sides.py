"""One side of the attribution benchmark, in a process of its own.

    python bench/attribution_sides.py query|six|rules|markov FOLDER

prints wall-clock seconds, CPU seconds (user and system), peak MB, and how much was credited in cents. FOLDER holds a mirror.

- query: six heuristics by channel in one statement written by hand, as an analyst would: no ledger, no dated
  refunds, no scanners, no click seen by two systems, floats.
- six: the first six rules with the cent ledger, and credit by channel.
- rules: every rule there is, with the wide cent ledger.
- markov: removal effects of order 1 and of order 2, from the journeys that the ledger left.
"""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from attribution_store import DAY, NOW

from persync.attribution import credit, journeys, ledger
from persync.attribution.datadriven import Paths
from persync.attribution.markov import MARKOV, fit_markov
from persync.attribution.models import MODELS
from persync.engine import duck, mirror
from persync.measure.metric import Ask

ASK = Ask(now=NOW)
SIX = tuple(
    model
    for model in MODELS
    if model.name in ("first_touch", "last_touch", "last_non_direct", "linear", "time_decay", "u_shaped")
)
QUERY = f"""
WITH money AS (
    SELECT order_key, SUM(amount_minor) AS amount FROM order_ledger WHERE part IN ('product', 'adjustment') GROUP BY order_key
),
bought AS (
    SELECT o.order_key, p.person, o.ordered_at, m.amount
    FROM orders o JOIN person_of p USING (key_id) JOIN money m USING (order_key)
    WHERE o.is_test = 0
),
path AS (
    SELECT
        b.order_key, b.amount, t.channel, w.text = 'direct' AS is_direct, (b.ordered_at - t.happened_at) / {DAY}.0 AS age,
        ROW_NUMBER() OVER mine AS position, COUNT(*) OVER (PARTITION BY b.order_key) AS length,
        MAX(CASE WHEN w.text <> 'direct' THEN t.happened_at END) OVER (PARTITION BY b.order_key) = t.happened_at AS last_known
    FROM touchpoints t
    JOIN person_of p USING (key_id)
    JOIN bought b ON b.person = p.person AND t.happened_at BETWEEN b.ordered_at - {30 * DAY} AND b.ordered_at
    JOIN words w ON w.word = t.channel
    WHERE t.action IN (4, 9) AND t.is_machine = 0
    WINDOW mine AS (PARTITION BY b.order_key ORDER BY t.happened_at, t.campaign_key, t.action, t.link_id, t.ordinal)
),
weighed AS (
    SELECT
        order_key, amount, channel,
        CAST(position = 1 AS DOUBLE) AS first_touch, CAST(position = length AS DOUBLE) AS last_touch,
        CAST(COALESCE(last_known, position = length) AS DOUBLE) AS last_non_direct, 1.0 AS linear,
        POWER(0.5, age / 7) AS time_decay,
        CASE WHEN length <= 2 THEN 1.0 WHEN position IN (1, length) THEN 0.4 ELSE 0.2 / (length - 2) END AS u_shaped
    FROM path
)
SELECT channel, {", ".join(f"SUM(amount * {name} / total_{name}) AS {name}" for name in [model.name for model in SIX])}
FROM (
    SELECT *, {", ".join(f"SUM({model.name}) OVER (PARTITION BY order_key) AS total_{model.name}" for model in SIX)}
    FROM weighed
)
GROUP BY channel
"""


def query(folder: Path) -> Callable[[], int]:
    """Return the statement written by hand; duckdb has what persync's engine gives it."""
    db = duckdb.connect(config={"threads": str(duck.THREADS), "memory_limit": duck.MEMORY, "preserve_insertion_order": "false"})
    manifest = mirror.read_manifest(folder)
    assert manifest is not None
    db.execute(f"SET temp_directory = '{folder / 'spill'}'")
    for name in ("touchpoints", "orders", "order_ledger", "person_of", "words"):
        files = ", ".join(f"'{folder / file}'" for file in mirror.files_of(manifest, name))
        db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{files}])")

    def ask() -> int:
        found = db.execute(QUERY).fetchall()
        return round(sum(row[1] for row in found))

    return ask


def six(folder: Path) -> Callable[[], int]:
    """Return what credits by six rules."""
    engine = duck.open_engine(folder)

    def ask() -> int:
        found = credit.credit(engine, SIX, ("channel",), ASK)
        return round(100 * sum(float(one.value or 0) for one in found if one.by["model"] == SIX[0].name))

    return ask


def rules(folder: Path) -> Callable[[], int]:
    """Return what writes the ledger of every rule, and holds it against the store."""
    engine = duck.open_engine(folder)

    def ask() -> int:
        ledger.build(engine, MODELS, ASK)
        return int(engine.rows("SELECT SUM(c.first_touch) AS minor FROM credit_ledger AS c")[0]["minor"])

    return ask


def markov(folder: Path) -> Callable[[], int]:
    """Return what fits the chains of order 1 and 2, journeys being there."""
    engine = duck.open_engine(folder)
    journeys.build(engine, ASK, (MARKOV,))

    def ask() -> int:
        inputs = Paths(engine, (MARKOV,), ASK).inputs("transitions")
        return round(sum(fit_markov(inputs, order).diagnostics["p_conversion"] for order in (1, 2)) * 1e9)

    return ask


def peak() -> float:
    """Return this program's peak in MB; what getrusage says is at least the parent's, which built the store."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text("ascii").split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Do what the command line says."""
    side, folder = sys.argv[1], Path(sys.argv[2])
    for derived in folder.glob("derived-g*"):
        shutil.rmtree(derived)
    ask = {"query": query, "six": six, "rules": rules, "markov": markov}[side](folder)
    began, spent = time.perf_counter(), time.process_time()
    credited = ask()
    took, spent = time.perf_counter() - began, time.process_time() - spent
    print(took, spent, peak(), credited)


if __name__ == "__main__":
    main()
