"""dlt on the same records: into SQLite, a page at a time as dlt advises, with nothing it does by itself left out or added.

    python bench/records_dlt.py BASE_URL FOLDER

prints wall-clock seconds, CPU seconds and records. It has the lightest work that it offers: rows are appended, not merged, and
only on their way typed, not validated; lists go into a table of their own. Needs dlt[sqlalchemy] alone: bench/dlt_bench.py
keeps it in an environment of its own.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

folder = Path(sys.argv[2]).resolve()
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["DLT_DATA_DIR"] = str(folder / "dlt")
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt  # noqa: E402
from dlt.sources.helpers import requests  # noqa: E402


@dlt.resource(name="records", primary_key="id", write_disposition="append")
def records(base: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the pages of every part."""
    for part in requests.get(f"{base}/parts").json()["parts"]:
        offset, total = 0, 1
        while offset < total:
            page = requests.get(f"{base}/parts/{part['id']}/records", params={"offset": offset}).json()
            total = page["total"]
            offset += len(page["records"])
            yield page["records"]


def main(base: str) -> int:
    """Pull everything; return how many records came."""
    destination = dlt.destinations.sqlalchemy(f"sqlite:///{folder / 'dlt.db'}")
    pipeline = dlt.pipeline("records", destination=destination, dataset_name="main", pipelines_dir=str(folder / "pipelines"))
    pipeline.run(records(base))
    with pipeline.sql_client() as client:
        return int(client.execute_sql("SELECT count(*) FROM records")[0][0])


if __name__ == "__main__":
    started = time.perf_counter(), time.process_time()
    pulled = main(sys.argv[1])
    print(time.perf_counter() - started[0], time.process_time() - started[1], pulled)
