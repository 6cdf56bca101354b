"""Text that wants to be something else, and ways to spoil a record with it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title><svg/onload=alert(1)>",
    "<!--",
    "]]>",
    "{{7*7}}{% raw %}${7*7}#{7*7}",
    "[click](javascript:alert(1)) ![x](http://127.0.0.1/x.png) <http://127.0.0.1>",
    "| a | b |\n|---|---|\n# heading\n```\ncode",
    '=HYPERLINK("http://127.0.0.1","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r\n=1+1",
    " \u00a0=1+1",
    "＝1+1",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\x1b]8;;http://127.0.0.1\x1b\\link\x1b]8;;\x1b\\",
    "\x9b31mred",
    "\x00",
    "a\x00b",
    "\x7f\x80\x85\x08\x08\x08",
    "one\r\ntwo\u2028three\u2029four\x0b\x0cfive",
    "\u202egnp.exe\u202c \u2066isolated\u2069 \u200e\u200f\u061c",
    "\ufeffbom\u200b\u2060\u00adzero",
    "\ud83d",
    "\ude00\ud83d",
    "cut \ud83d\ude00 \ud83d",
    "Z̷̢̛a̷l̷g̷o̷" * 20,
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "\U0010ffff\ufffe\uffff",
    "'; DROP TABLE orders; --",
    '" OR ""="',
    "%s%n%x{0}{x!r}",
    "../../../../etc/hosts",
    "C:\\nul\\..\\x",
    "",
    " ",
    "null",
    "NaN",
    "true",
    "0",
    "-0",
    "1e999",
    "0x10",
    "١٢٣",
    "9" * 400,
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "0000-00-00",
    "-271821-04-20T00:00:00Z",
    "2026-02-30T25:61:61+99:99",
    "EUR\x00",
    "gid://shopify/Order/'\"<>",
    "long " * 200,
)
"""All texts but the very long one."""

BEGINNINGS: tuple[str, ...] = (
    "# heading",
    "> quoted",
    "- item",
    "+ item",
    "* item",
    "1. one",
    "2) two",
    "---",
    "===",
    "~~~",
    "    code",
    "| - | - |",
    "[a]: x",
    "www.example.com",
    "HTTPS://example.com",
    "ann@example.com",
    "internal:Sheet2!A1",
    "external:x.xlsx",
    "mailto:ann",
    "= 1+1",
    "\n=1+1",
    "a\nb\tc",
    "[red]a[/red]",
)
"""what begins something where a text stands alone, at a line's beginning or in a cell; kept apart, so that old seeds hold"""

HARM = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "=HYPERLINK('http://127.0.0.1','x')",
    "<!channel> <@U123> @everyone <at>all</at>",
    "*b* _i_ `c` [x](http://127.0.0.1/p) ![x](http://127.0.0.1/p.png)",
    "\x1b[31m\x1b]8;;http://127.0.0.1\x1b\\\u202e\x00\x07\r\n.\r\nQUIT",
    "a\r\nBcc: zoe@example.com",
    "</td></table><h1>",
    "{{ 7*7 }}{% raw %}",
)
"""one for each thing that shows a text: the n-th place of a store gets the n-th of these behind its name"""

ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**30,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [None],
    [[[[]]]],
    {"": ""},
    {"id": None},
)


def text(rng: Random) -> str:
    """Draw a hostile text; one in three hundred has a megabyte."""
    if rng.random() < 1 / 300:
        return (rng.choice(TEXTS[:30]) or "x") * (1_000_000 // max(1, len(rng.choice(TEXTS[:30]))))
    chosen = rng.choice(TEXTS)
    return chosen if rng.random() < 0.7 else f"Tea {chosen} {rng.choice(TEXTS)}"


def spoiled(value: Any, rng: Random, chance: float) -> tuple[Any, int]:
    """Return a JSON value with some of its leaves, members and items changed, and how many changes were made."""
    if isinstance(value, dict):
        made = {}
        count = 0
        for name, inner in value.items():
            if rng.random() < chance / 4:
                count += 1
                if rng.random() < 0.5:
                    continue
                made[text(rng)[:50]] = rng.choice(ODD_VALUES)
            made[name], more = spoiled(inner, rng, chance)
            count += more
        return made, count
    if isinstance(value, list):
        items = []
        count = 0
        for inner in value:
            item, more = spoiled(inner, rng, chance)
            items.append(item)
            count += more
        if items and rng.random() < chance / 2:
            count += 1
            how = rng.randrange(4)
            if how == 0:
                items.append(rng.choice(items))
            elif how == 1:
                rng.shuffle(items)
            elif how == 2:
                items.insert(rng.randrange(len(items) + 1), rng.choice(ODD_VALUES))
            else:
                del items[rng.randrange(len(items))]
        return items, count
    if rng.random() >= chance:
        return value, 0
    if isinstance(value, str) and rng.random() < 0.75:
        return (text(rng), 1) if rng.random() < 0.7 else (value + text(rng), 1)
    return (rng.choice(ODD_VALUES) if rng.random() < 0.7 else text(rng)), 1


def as_json(value: Any) -> bytes:
    """Write a value as a careless server would: half pairs as escapes, NaN as it is, integers of any size."""
    return json.dumps(value).encode()
