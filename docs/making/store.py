"""The tables and views of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from making.markdown import table

TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "People": {
        "person_keys": "Every key somebody is known by. Kinds email, member, mc_eid and opaque are stored as keyed hashes; "
        "email and mc_eid have connection 0, so that one address is one key everywhere.",
        "links": "Two keys that are one person, and why: same_record, vendor_merge.",
        "person_of": "The person of each key: the connected keys, named after the one that sorts first.",
        "contacts": "A person as one platform knows them, without who they are.",
        "consents": "The consent of a person for a channel; one more numbered row whenever something changed.",
        "consent_changes": "What a platform's own log says of consent: each change when it happened.",
        "attributes": "Opted-in attributes, coarsened, each with its basis.",
        "stages": "When a person entered a life-cycle stage.",
        "fields": "The fields that a list has.",
        "segments": "Lists, tags, segments, interests.",
        "memberships": "Who is in a segment; `left_at` is when a pull first missed them.",
        "companies": "Companies that people belong to, without their names.",
        "tickets": "Requests for help, without their text.",
        "feedback": "Answers to surveys, without their text; `value` counts only beside `kind`.",
        "wallets": "What a person says to spend on a category, here and elsewhere.",
    },
    "Campaigns and messages": {
        "campaign_keys": "Every key a campaign is known by. Kinds mc_cid, hsmi and utm have connection 0.",
        "campaign_aliases": "Other keys of a campaign.",
        "campaign_of": "The campaign that each key means.",
        "campaigns": "A message that was or will be sent.",
        "campaign_evidence": "What was found in a campaign that makes it personal.",
        "campaign_levels": "The level from 0 to 4 (null = unknown) and why.",
        "variants": "The variants of an A/B test.",
        "campaign_counters": "The platform's own totals; one more numbered row whenever one changed.",
        "campaign_links": "URLs without query and fragment.",
        "link_counters": "The platform's totals for one link of a campaign; one more numbered row whenever one changed.",
        "touchpoints": "What was sent to, opened, clicked or visited by whom and when.",
        "sessions": "Visits to the shop's site as a web analytics tool counted them.",
        "social_posts": "Posts on social networks and what came back.",
    },
    "Orders and money": {
        "order_keys": "An order as one system names it, and which shop's order it is a copy of.",
        "order_of": "Which keys are one order, and the one whose money counts.",
        "orders": "The head of an order or deal.",
        "order_people": "Further people on an order or deal.",
        "order_lines": "What was bought.",
        "order_ledger": "Every movement of an order's money, signed, by part, when it happened. Revenue is its sum.",
        "order_discounts": "What was taken off an order, by code, title or hand.",
        "order_payments": "Money that moved for an order as the payment provider saw it, with its fee. Never joined to lines.",
        "carts": "Carts and checkouts, also those that never became an order, and what became of the reminder.",
        "products": "What a platform sells.",
        "unit_costs": "What a piece costs the shop; one more numbered row whenever it changed. Null: the shop entered none.",
        "promo_codes": "The codes of promotions and what they take off.",
        "claims": "What a platform says it earned; one more numbered row whenever it changed. Never added to revenue.",
        "costs": "Money spent on the programme.",
        "ad_spend": "What advertising cost, by channel and day. No part of the programme's own costs.",
        "work_times": "Hours that tasks took before a tool and with it.",
    },
    "Experiments and decisions": {
        "assignments": "Who was drawn into which arm.",
        "outcomes": "Numbers an experiment can be read on.",
        "decisions": "Who was selected for something, and who was not.",
    },
    "Names and bookkeeping": {
        "connections": "Each connection and what its account says of itself.",
        "words": "Texts of `touchpoints.channel` and `.source` by number.",
        "actions": "Names of `touchpoints.action` by number.",
        "meta": "What the store remembers about itself.",
        "checkpoints": "Where each part of each stream goes on.",
        "coverage": "From when to when each part of each stream is complete, or why not.",
        "deletions": "What a platform deleted, or no longer names in a complete listing. Facts about it stay.",
        "present": "What a complete listing under way has named so far.",
        "parked": "Records of a bulk result that wait for the others they belong to.",
        "rejects": "Records that did not fit: where, which field, why, and their shape without words.",
        "versions": "Which version of a record was written last.",
        "dirty": "What the mirror must write again.",
        "touch_months": "Which campaigns were ever touched in which month: where the mirror looks for a month's touches.",
        "runs": "Every run with its exit code.",
        "log": "What happened, each entry chained to the one before.",
        "tombstones": "Keyed hashes of erased people, who are not stored again.",
        "erased_counts": "How many touches of erased people a campaign had, by action. No key, no time.",
        "erased_outcomes": "How many erased people an arm had (outcome empty), and the sums of their outcomes.",
        "imported_files": "Which file was read, and its digest.",
        "file_lines": "Which file said which line of money, so that a changed file can take back its own.",
    },
}
"""Every table with one sentence, in the order of the page; a table that is missing here stops the making."""


def tables() -> str:
    """Every table of the store: what it holds, and its columns; those of its key are bold."""
    from persync.store.schema import DERIVED, OUTSIDE_DIGEST

    db = _empty_store()
    known = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    described = [name for group in TABLES.values() for name in group]
    if sorted(known) != sorted(described):
        raise SystemExit(f"docs/make.py: the tables differ: {sorted(set(known) ^ set(described))}")
    parts = []
    for title, group in TABLES.items():
        rows = []
        for name, text in group.items():
            mark = " *derived*" if name in DERIVED else " *outside the digest*" if name in OUTSIDE_DIGEST else ""
            columns = db.execute(f"PRAGMA table_info({name})").fetchall()
            rows.append((f"`{name}`{mark}", text, ", ".join(f"**{c[1]}**" if c[5] else str(c[1]) for c in columns)))
        parts.append(f"## {title}\n\n{table(('table', '', 'columns'), rows)}")
    return "\n".join(parts)


def views() -> str:
    """The version of the views, and every view with what its rows are and its columns; the one that dates them is bold."""
    from persync.store.told import VIEWS_TOLD
    from persync.store.views import VIEWS, VIEWS_VERSION

    db = _empty_store()
    rows = []
    for name in VIEWS:
        told = VIEWS_TOLD[name]
        columns = (c[1] for c in db.execute(f"PRAGMA table_info({name})"))
        rows.append((f"`{name}`", told.what, ", ".join(f"**{c}**" if c == told.at else c for c in columns)))
    return f"Version {VIEWS_VERSION}.\n\n{table(('view', 'a row', 'columns'), rows)}"


def _empty_store() -> sqlite3.Connection:
    from persync.store.schema import DDL
    from persync.store.views import create_views

    db = sqlite3.connect(":memory:")
    db.executescript(DDL)
    create_views(db)
    return db
