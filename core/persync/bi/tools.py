"""The configuration of each BI tool: files with comments that say what to change, and the words that say how to begin."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from persync.bi.copies import SQLITE, parquet_folder, sqlite_file
from persync.bi.queries import QUERIES
from persync.store.told import VIEWS_TOLD, column_told
from persync.store.views import VIEWS_VERSION

PORT: Final = {"datasette": 8001, "metabase": 3000}


@dataclass(frozen=True, slots=True)
class Site:
    """Where things are: the store, the tool's folder, and each table and view of the store with its columns."""

    store: Path
    folder: Path
    name: str
    columns: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A BI tool: its files by name, what to do next, and how its copy of the views is made; without one it reads the store."""

    files: Callable[[Site], Mapping[str, str]]
    begin: Callable[[Site], str]
    copy: Callable[[Path, Path], int] | None = None


def _datasette(site: Site) -> Mapping[str, str]:
    quoted = json.dumps
    lines = [
        "# Datasette over the views of persync. Made by `persync bi init datasette`; change what you like.",
        f"# The views have version {VIEWS_VERSION}: SELECT version FROM v_version. Their columns are explained below.",
        f"title: {quoted(site.name)}",
        "description: Times are UTC, money is in major units, a person is a number of this store.",
        "databases:",
        f"  {quoted(site.store.stem)}:",
        "    # Others than you may look? Then close SQL, for it reads every table: add `allow_sql: false` here.",
        "    queries:",
    ]
    for query in QUERIES:
        lines += [
            f"      {query.name}:",
            f"        title: {quoted(query.title)}",
            f"        description: {quoted(query.note)}",
            "        sql: |-",
            *(f"          {line}" for line in query.sql.splitlines()),
        ]
    lines += ["    tables:", "      # The views are what to read."]
    for name, told in VIEWS_TOLD.items():
        lines += [f"      {name}:", f"        description: {quoted(told.what)}"]
        lines += [f"        sort_desc: {told.at}"] if told.at else []
        explained = {column: text for column in site.columns[name] if (text := column_told(column))}
        lines += ["        columns:"] if explained else []
        lines += [f"          {column}: {quoted(text)}" for column, text in explained.items()]
    lines += ["      # The tables behind them hold the store's own numbers: not listed, and not shown."]
    for name in site.columns:
        if name not in VIEWS_TOLD:
            lines += [f"      {quoted(name)}:", "        hidden: true", "        allow: false"]
    start = [
        "#!/bin/sh",
        "# Opens the store read-only (as Datasette always does), for this machine alone. A pull may run meanwhile.",
        "# From its folder: Datasette takes some characters of a longer path for something else.",
        f"cd {shlex.quote(str(site.store.parent))} || exit 1",
        f"exec datasette serve {shlex.quote(site.store.name)} \\",
        f"  --metadata {shlex.quote(str(site.folder / 'metadata.yml'))} \\",
        f'  --host 127.0.0.1 --port {PORT["datasette"]} --setting sql_time_limit_ms 20000 --setting allow_download off "$@"',
    ]
    return {"metadata.yml": "\n".join(lines) + "\n", "start.sh": "\n".join(start) + "\n"}


def _metabase(site: Site) -> Mapping[str, str]:
    # Compose reads a dollar sign as the beginning of a variable.
    folder = json.dumps(str(site.folder / "data").replace("$", "$$"), ensure_ascii=False)
    owner = [os.getuid(), os.getgid()] if hasattr(os, "getuid") else [2000, 2000]
    text = f"""\
# Metabase over the views of persync. Made by `persync bi init metabase`; start it with `docker compose up`.
#
# Then, at http://127.0.0.1:{PORT["metabase"]}: Add a database, SQLite, Filename: /persync/{SQLITE}
# The file is a copy of the views (version {VIEWS_VERSION}), without the platforms' ids; questions.sql has a few to begin with.
# `persync bi refresh metabase` makes the copy anew: run it after each pull.
services:
  metabase:
    image: metabase/metabase:latest  # put the version here that you have tried
    ports:
      - "127.0.0.1:{PORT["metabase"]}:3000"  # for this machine alone
    environment:
      MB_DB_FILE: /metabase/metabase.db  # Metabase's own settings and questions
      MB_ANON_TRACKING_ENABLED: "false"
      MB_CHECK_FOR_UPDATES: "false"
      MUID: "{owner[0]}"  # the copy is readable by its owner alone, so Metabase runs as you
      MGID: "{owner[1]}"
    volumes:
      - type: volume
        source: metabase
        target: /metabase
      - type: bind
        source: {folder}
        target: /persync
        read_only: true
volumes:
  metabase:
"""
    questions = "\n".join(f"-- {query.title}. {query.note}\n{query.sql};\n" for query in QUERIES)
    return {"docker-compose.yml": text, "questions.sql": questions}


def _powerbi(site: Site) -> Mapping[str, str]:
    folder = str(site.folder / "data").replace('"', '""')
    files = {}
    for name, told in VIEWS_TOLD.items():
        known = ((column, column_told(column)) for column in site.columns[name])
        explained = [f"//   {column}: {text}" for column, text in known if text]
        lines = [
            f"// {name}: {told.what}",
            *explained,
            f"// Version {VIEWS_VERSION} of the views. Times are UTC, money is decimal.",
            "// In Power BI: New source, Blank query, Advanced editor, and this text. On another machine change Folder.",
            "let",
            f'    Folder = "{folder}",  // where `persync bi refresh powerbi` writes',
            f'    Source = Parquet.Document(File.Contents(Folder & "{os.sep}{name}.parquet"))',
            "in",
            "    Source",
        ]
        files[f"{name}.pq"] = "\n".join(lines) + "\n"
    return files


TOOLS: Final[Mapping[str, Tool]] = {
    "datasette": Tool(
        _datasette,
        lambda site: f"pip install datasette, then: sh {shlex.quote(str(site.folder / 'start.sh'))}",
    ),
    "metabase": Tool(
        _metabase,
        lambda site: f"cd {shlex.quote(str(site.folder))} && docker compose up; the first lines of docker-compose.yml go on.",
        sqlite_file,
    ),
    "powerbi": Tool(
        _powerbi,
        lambda site: "In Power BI: New source, Blank query, Advanced editor, and put a .pq file's text there.",
        parquet_folder,
    ),
}
