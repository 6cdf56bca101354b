"""Pull records a second through the product, against the bare floor: httpx + orjson + executemany into one table.

Same server, same bytes, in turn, several times; the figure is the ratio of the medians of one run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

FLOOR = """
import sqlite3, sys, time, httpx, orjson
base, path, records, what = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
if what == "members":
    url, at = base + "/lists/a1b2c3d4e5/members", "members"
    values = lambda m: (m["id"], m["email_address"], m["status"], m["source"], m["last_changed"], m["location"]["country_code"])
else:
    url, at = base + "/reports/c1d2e3f4a5/sent-to", "sent_to"
    values = lambda m: (m["email_id"], m["email_address"], m["status"], m["absplit_group"], m["last_open"], m["campaign_id"])
started = time.perf_counter()
db = sqlite3.connect(path, isolation_level=None)
db.execute("PRAGMA journal_mode = WAL"); db.execute("PRAGMA synchronous = NORMAL")
db.execute("CREATE TABLE records (id TEXT PRIMARY KEY, a TEXT, b TEXT, c TEXT, d TEXT, e TEXT)")
sql = ("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET a = excluded.a, b = excluded.b,"
       " c = excluded.c, d = excluded.d, e = excluded.e")
with httpx.Client(trust_env=False) as client:
    for offset in range(0, records, 1000):
        page = orjson.loads(client.get(url, params={"count": 1000, "offset": offset}).content)
        rows = [values(record) for record in page[at]]
        db.execute("BEGIN IMMEDIATE"); db.executemany(sql, rows); db.execute("COMMIT")
took = time.perf_counter() - started
assert db.execute("SELECT count(*) FROM records").fetchone()[0] == records
print(took)
"""

PRODUCT = """
import resource, sys, time
from pathlib import Path
base, path, now, what = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
from persync.connect.pull import PullOptions, pull
from persync_mailchimp.connector import Mailchimp
settings = Mailchimp.settings_type(connector="mailchimp", base_url=base)
connector = Mailchimp("mailchimp", settings, dict.fromkeys(Mailchimp.secrets, "0" * 32 + "-us0"))
streams = ("lists", "merge_fields", "members") if what == "members" else ("reports", "sent_to")
started = time.perf_counter()
result = pull(Path(path), [connector], PullOptions(now=now, streams=streams))
took = time.perf_counter() - started
assert result.exit_code == 0, [str(error) for error in result.errors] + [stream.reason for stream in result.streams]
records = sum(stream.records for stream in result.streams if stream.stream == what)
print(took, records, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def run(what: str, records: int = 60_000, rounds: int = 3) -> dict[str, float]:
    """Return the records a second of floor, first and second pull (medians), their ratios, and peak memory in MB.

    `what` is a stream of the Mailchimp connector: `members` (eight rows and more a record) or `sent_to`.
    """
    server = subprocess.Popen(
        [sys.executable, str(HERE / "server.py"), str(records)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    base = f"http://127.0.0.1:{server.stdout.readline().strip()}/3.0"
    floors, firsts, seconds, peaks = [], [], [], []
    try:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                floors.append(float(_python(FLOOR, base, f"{folder}/floor.db", str(records), what)[0]))
                took, pulled, peak = _python(PRODUCT, base, f"{folder}/p.db", "1790000000000", what)
                # Members are read with one record of overlap a page.
                assert records <= int(pulled) <= records * 1.002, pulled
                firsts.append(float(took))
                peaks.append(float(peak))
                took, _, _ = _python(PRODUCT, base, f"{folder}/p.db", "1790000600000", what, "again")
                seconds.append(float(took))
    finally:
        server.communicate()
    floor, first, second = (records / statistics.median(times) for times in (floors, firsts, seconds))
    return {
        "floor": floor,
        "first": first,
        "second": second,
        "ratio": first / floor,
        "peak_mb": max(peaks),
    }


def _python(text: str, *arguments: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", text, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.split()


if __name__ == "__main__":
    for stream in sys.argv[1:] or ("sent_to", "members"):
        print(stream, json.dumps(run(stream), indent=1))
