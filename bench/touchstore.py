"""A store of as many touchpoints as asked for, made by SQL alone: 25 months of mailing and a shop's visits.

    python bench/touchstore.py STORE [TOUCHPOINTS]

Ten campaigns a month go to the same readers; a quarter open within three days, a twentieth click; one touch in twelve is a
visit of the shop, at any time. Rows come in the order of their key, so five million take some ten seconds.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from persync.engine.parts import month_starts
from persync.store.store import open_store
from persync.store.write import mark_dirty

MONTHS = 25
FIRST = 2023 * 12
"""January 2023, as the mirror numbers months"""
CAMPAIGNS = 10
"""a month"""
DAY = 86_400_000

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"


def _months(db: sqlite3.Connection) -> None:
    db.execute("CREATE TEMP TABLE months (month INTEGER PRIMARY KEY, starts INTEGER, days INTEGER)")
    starts = [month_starts(FIRST + number) for number in range(MONTHS + 1)]
    db.executemany(
        "INSERT INTO months VALUES (?, ?, ?)", [(i, starts[i], (starts[i + 1] - starts[i]) // DAY) for i in range(MONTHS)]
    )


def build(path: Path, touchpoints: int = 5_000_000) -> int:
    """Make the store; return how many touchpoints it holds (at least as many as asked for)."""
    visits = touchpoints // 12
    readers = -(-(touchpoints - visits) * 10 // (13 * MONTHS * CAMPAIGNS)) // 20 * 20 + 20
    with open_store(path, create=True) as store:
        db = store.db
        db.execute("PRAGMA synchronous = OFF")
        _months(db)
        with store.transaction():
            db.execute("INSERT INTO connections (name, connector) VALUES ('mailchimp', 'mailchimp'), ('shopify', 'shopify')")
            db.execute("INSERT INTO words (text) VALUES ('email'), ('direct'), ('activity')")
            db.execute(
                f"{_NUMBERS.format(first=1, last=MONTHS * CAMPAIGNS)} INSERT INTO campaign_keys"
                " SELECT i, 1, 'id', printf('%010x', i) FROM n"
            )
            # Nested in the order of the key: campaign, reader, action (1 sent, 3 opened, 4 clicked).
            db.execute(
                f"{_NUMBERS.format(first=1, last=readers)}, c(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM c WHERE k < ?),"
                " a(action, every, late) AS (VALUES (1, 1, 1), (3, 4, 259200000), (4, 20, 259200000))"
                " INSERT INTO touchpoints SELECT 1, c.k, n.i, a.action,"
                "  m.starts + (c.k - 1) % ? * m.days * 86400000 / ? + (n.i * 7919 + c.k * 104729) % a.late / 1000 * 1000,"
                "  0, 0, '', NULL, CASE WHEN a.action = 3 THEN n.i % 8 = 0 END, 1, 3"
                " FROM c CROSS JOIN temp.months m ON m.month = (c.k - 1) / ? CROSS JOIN n CROSS JOIN a WHERE n.i % a.every = 0",
                (MONTHS * CAMPAIGNS, CAMPAIGNS, CAMPAIGNS, CAMPAIGNS),
            )
            db.execute(
                f"{_NUMBERS.format(first=1, last=visits)} INSERT INTO touchpoints"
                " SELECT 2, 0, n.i, 9, m.starts + n.i * 7919 % (m.days * 86400) * 1000, 0, 0, '', NULL, NULL, 2, 3"
                " FROM n CROSS JOIN temp.months m ON m.month = n.i * 104729 % ?",
                (MONTHS,),
            )
            # The touches of a month's last mailing may reach into the next month.
            db.execute(
                "INSERT INTO touch_months SELECT m.month + ?, 1, c.campaign_key FROM campaign_keys c JOIN temp.months m"
                " ON m.month IN ((c.campaign_key - 1) / ?, c.campaign_key / ?)"
                " UNION ALL SELECT m.month + ?, 2, 0 FROM temp.months m",
                (FIRST, CAMPAIGNS, CAMPAIGNS, FIRST),
            )
            for month in range(FIRST, FIRST + MONTHS):
                mark_dirty(db, "touchpoints", month)
            for name in ("connections", "words", "campaign_keys"):
                mark_dirty(db, name)
        made: int = db.execute("SELECT count(*) FROM touchpoints").fetchone()[0]
    return made


if __name__ == "__main__":
    print(build(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5_000_000))
