"""The bare floor: httpx + orjson + executemany, into the two tables and indexes that the product fills too.

    python bench/records_floor.py BASE_URL DATABASE

prints wall-clock seconds, CPU seconds and records. One page after the other is asked for, decoded and written in a
transaction of its own: the address as it is (not hashed), then the contact under its key's number. Nothing is validated,
nothing remembered for a second pull, nothing resumed. Needs httpx and orjson alone.
"""

import sqlite3
import sys
import time
from datetime import datetime

import httpx
import orjson

DDL = """
CREATE TABLE person_keys (
  key_id INTEGER PRIMARY KEY, connection INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
  UNIQUE (kind, connection, key)) STRICT;
CREATE TABLE contacts (
  connection INTEGER NOT NULL, key_id INTEGER NOT NULL, created_at INTEGER, status TEXT, source TEXT, orders INTEGER,
  is_deleted INTEGER, PRIMARY KEY (connection, key_id)) STRICT, WITHOUT ROWID;
"""
KEYS = "INSERT INTO person_keys (connection, kind, key) VALUES (0, 'email', ?) ON CONFLICT DO NOTHING"
CONTACTS = (
    "INSERT INTO contacts VALUES (1, (SELECT key_id FROM person_keys WHERE kind = 'email' AND connection = 0 AND key = ?),"
    " ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET created_at = excluded.created_at, status = excluded.status,"
    " source = excluded.source, orders = excluded.orders"
)


def main(base: str, path: str) -> int:
    """Pull everything; return how many records came."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(DDL)
    count = 0
    with httpx.Client(trust_env=False) as client:
        for part in orjson.loads(client.get(f"{base}/parts").content)["parts"]:
            offset, total = 0, 1
            while offset < total:
                answer = client.get(f"{base}/parts/{part['id']}/records", params={"offset": offset})
                page = orjson.loads(answer.content)
                records, total = page["records"], page["total"]
                rows = [
                    (
                        record["email"],
                        int(datetime.fromisoformat(record["created_at"]).timestamp() * 1000),
                        record["status"],
                        record["source"],
                        record["orders"],
                    )
                    for record in records
                ]
                db.execute("BEGIN IMMEDIATE")
                db.executemany(KEYS, [row[:1] for row in rows])
                db.executemany(CONTACTS, rows)
                db.execute("COMMIT")
                offset += len(records)
                count += len(records)
    assert db.execute("SELECT count(*) FROM contacts").fetchone()[0] == count
    db.close()
    return count


if __name__ == "__main__":
    started = time.perf_counter(), time.process_time()
    pulled = main(sys.argv[1], sys.argv[2])
    print(time.perf_counter() - started[0], time.process_time() - started[1], pulled)
