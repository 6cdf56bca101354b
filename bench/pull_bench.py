"""Pull records a second through the product, against the bare floor: httpx + orjson + executemany into one table.

A shop's first pull: its members, then whom half a year of weekly mail was sent to, records of 1 kB in pages of 1,000. Same
server, same bytes, in turn, several times; the figure is the median of the rounds' ratios. A member costs most (four keys to
hash and link, consent, tags): `run(20_000, 0)` measures members alone.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

FLOOR = """
import sqlite3, sys, time, httpx, orjson
base, path, members, campaigns = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
started = time.perf_counter()
db = sqlite3.connect(path, isolation_level=None)
db.execute("PRAGMA journal_mode = WAL"); db.execute("PRAGMA synchronous = NORMAL")
db.execute("CREATE TABLE records (source TEXT, id TEXT, email TEXT, status TEXT, at TEXT, PRIMARY KEY (source, id))")
sql = ("INSERT INTO records VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET email = excluded.email, status = excluded.status,"
       " at = excluded.at")
with httpx.Client(trust_env=False) as client:
    def read(url, collection, values):
        for offset in range(0, members, 1000):
            page = orjson.loads(client.get(base + url, params={"count": 1000, "offset": offset}).content)
            rows = [values(record) for record in page[collection]]
            db.execute("BEGIN IMMEDIATE"); db.executemany(sql, rows); db.execute("COMMIT")
    read("/lists/a1b2c3d4e5/members", "members", lambda m: ("", m["id"], m["email_address"], m["status"], m["last_changed"]))
    for number in range(campaigns):
        name = f"c{number:09x}"
        read(f"/reports/{name}/sent-to", "sent_to",
             lambda m: (name, m["email_id"], m["email_address"], m["status"], m["last_open"]))
took = time.perf_counter() - started
assert db.execute("SELECT count(*) FROM records").fetchone()[0] == members * (1 + campaigns)
print(took)
"""

PRODUCT = """
import resource, sys, time
from pathlib import Path
base, path, now = sys.argv[1], sys.argv[2], int(sys.argv[3])
from persync.connect.pull import PullOptions, pull
from persync_mailchimp.connector import Mailchimp
settings = Mailchimp.settings_type(connector="mailchimp", base_url=base)
connector = Mailchimp("mailchimp", settings, dict.fromkeys(Mailchimp.secrets, "0" * 32 + "-us0"))
streams = ("lists", "merge_fields", "members", "reports", "sent_to")
started = time.perf_counter()
result = pull(Path(path), [connector], PullOptions(now=now, streams=streams))
took = time.perf_counter() - started
assert result.exit_code == 0, [str(error) for error in result.errors] + [stream.reason for stream in result.streams]
records = sum(stream.records for stream in result.streams if stream.stream in ("members", "sent_to"))
print(took, records, result.changed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def run(members: int = 5_000, campaigns: int = 25, rounds: int = 5) -> dict[str, float]:
    """Return records a second of floor and first pull (medians), the median ratio, the second pull's seconds, peak MB."""
    server = subprocess.Popen(
        [sys.executable, str(HERE / "server.py"), str(members), str(campaigns)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    base = f"http://127.0.0.1:{server.stdout.readline().strip()}/3.0"
    records = members * (1 + campaigns)
    floors, firsts, seconds, peaks = [], [], [], []
    try:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                floors.append(float(_python(FLOOR, base, f"{folder}/floor.db", str(members), str(campaigns))[0]))
                took, pulled, _, peak = _python(PRODUCT, base, f"{folder}/p.db", "1790000000000")
                # Members are read with one record of overlap a page.
                assert records <= int(pulled) <= records * 1.002, pulled
                firsts.append(float(took))
                peaks.append(float(peak))
                took, _, changed, _ = _python(PRODUCT, base, f"{folder}/p.db", "1790000600000")
                assert changed == "0", changed
                seconds.append(float(took))
    finally:
        server.communicate()
    floor, first = records / statistics.median(floors), records / statistics.median(firsts)
    return {
        "records": records,
        "floor": floor,
        "first": first,
        "ratio": statistics.median(theirs / ours for theirs, ours in zip(floors, firsts, strict=True)),
        "second_s": statistics.median(seconds),
        "peak_mb": max(peaks),
    }


def _python(text: str, *arguments: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", text, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.split()


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
