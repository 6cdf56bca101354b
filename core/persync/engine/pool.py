"""Many stores read as one: the rows of all of them under one name a table, their surrogate numbers kept apart.

A store's numbers (keys, connections, campaigns, orders, links) get its own number in the lake times 2^40 added; 0 stays 0, for
it stands for none. Channels and other words are one list, for a channel means the same in every store. Connections,
experiments and decisions, which bear names of their store's own choosing, get the store's name before theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SPAN: Final = 2**40
NUMBERS: Final = frozenset(
    (
        *("connection", "key_id", "person", "segment_id", "campaign_key", "campaign_id", "link_id", "order_key"),
        *("order_id", "word"),
    )
)
"""columns, of any table, that hold numbers a store gave"""
WORDS: Final = {"touchpoints": ("channel", "source")}
"""columns that hold the number of a word"""
OWN_NAMES: Final = {"connections": ("name",), "assignments": ("experiment",), "decisions": ("decision",)}
SHARED: Final = ("actions",)
"""tables that are the same in every store"""


def base(number: int, table: str) -> str:
    """Return the name under which one store's table is read."""
    return f"store{number}__{table}"


def pooled(stores: Mapping[int, str], tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the query of each table that all `stores` (name by number) have, over the tables called `base`.

    `tables` gives each table's columns. `words` comes first, for others read it.
    """
    first = min(stores)
    views = {"words": _words(stores)} if "words" in tables else {}
    for table, columns in tables.items():
        if table in SHARED:
            views[table] = f"SELECT t.* FROM {base(first, table)} AS t"
        elif table != "words":
            views[table] = "\nUNION ALL\n".join(_part(number, name, table, columns) for number, name in stores.items())
    return views


def _words(stores: Mapping[int, str]) -> str:
    parts = (f"SELECT t.word + {number * SPAN} AS word, t.text FROM {base(number, 'words')} AS t" for number in stores)
    return f"SELECT MIN(a.word) AS word, a.text FROM ({' UNION ALL '.join(parts)}) AS a GROUP BY a.text"


def _part(number: int, store: str, table: str, columns: Mapping[str, str]) -> str:
    shown, joins = [], ""
    for column in columns:
        text = f"t.{column}"
        if column in WORDS.get(table, ()):
            text = f"COALESCE(w_{column}.number, 0)"
            every = f"SELECT o.word, g.word AS number FROM {base(number, 'words')} AS o JOIN words AS g ON g.text = o.text"
            joins += f" LEFT JOIN ({every}) AS w_{column} ON w_{column}.word = t.{column}"
        elif column in NUMBERS:
            text = f"CASE WHEN t.{column} = 0 THEN 0 ELSE t.{column} + {number * SPAN} END"
        elif column in OWN_NAMES.get(table, ()):
            text = f"'{store}/' || t.{column}"
        shown.append(f"{text} AS {column}")
    return f"SELECT {', '.join(shown)} FROM {base(number, table)} AS t{joins}"
