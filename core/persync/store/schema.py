"""The tables, as the writer and the mirror need to know them.

The DDL itself is in migrations.py. Here stand the facts that more than one module needs: which tables there are, their
natural keys, which are derived, snapshots or left out of the digest, and the numbers behind stored enums.
"""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 7

DDL_1: Final = """
CREATE TABLE connections (
  connection INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, connector TEXT NOT NULL,
  account_id TEXT, currency TEXT, timezone TEXT, shop TEXT, covers_from INTEGER) STRICT;
CREATE TABLE meta (
  name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE words (
  word INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE actions (
  action INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE person_keys (
  key_id INTEGER PRIMARY KEY, connection INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
  UNIQUE (kind, connection, key)) STRICT;
CREATE TABLE links (
  key_a INTEGER NOT NULL, key_b INTEGER NOT NULL, reason TEXT NOT NULL, run INTEGER, undone_at INTEGER,
  PRIMARY KEY (key_a, key_b, reason)) STRICT, WITHOUT ROWID;
CREATE TABLE person_of (
  key_id INTEGER PRIMARY KEY, person INTEGER NOT NULL, hash INTEGER NOT NULL) STRICT;
CREATE TABLE contacts (
  connection INTEGER NOT NULL, key_id INTEGER NOT NULL, created_at INTEGER, status TEXT, source TEXT, orders INTEGER,
  is_deleted INTEGER, PRIMARY KEY (connection, key_id)) STRICT, WITHOUT ROWID;
CREATE TABLE consents (
  connection INTEGER NOT NULL, key_id INTEGER NOT NULL, channel TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL,
  level TEXT, source TEXT, changed_at INTEGER, observed_at INTEGER NOT NULL,
  PRIMARY KEY (connection, key_id, channel, number)) STRICT, WITHOUT ROWID;
CREATE TABLE attributes (
  connection INTEGER NOT NULL, key_id INTEGER NOT NULL, name TEXT NOT NULL, value TEXT, basis TEXT,
  PRIMARY KEY (connection, key_id, name)) STRICT, WITHOUT ROWID;
CREATE TABLE stages (
  connection INTEGER NOT NULL, key_id INTEGER NOT NULL, stage TEXT NOT NULL, entered_at INTEGER NOT NULL,
  PRIMARY KEY (connection, key_id, stage, entered_at)) STRICT, WITHOUT ROWID;
CREATE TABLE fields (
  connection INTEGER NOT NULL, list TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, label TEXT NOT NULL,
  PRIMARY KEY (connection, list, name)) STRICT, WITHOUT ROWID;
CREATE TABLE segments (
  segment_id INTEGER PRIMARY KEY, connection INTEGER NOT NULL, kind TEXT NOT NULL, parent TEXT NOT NULL,
  vendor_id TEXT NOT NULL, name TEXT, rule TEXT, UNIQUE (connection, kind, parent, vendor_id)) STRICT;
CREATE TABLE memberships (
  key_id INTEGER NOT NULL, segment_id INTEGER NOT NULL, joined_at INTEGER, left_at INTEGER,
  PRIMARY KEY (key_id, segment_id)) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_keys (
  campaign_key INTEGER PRIMARY KEY, connection INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
  UNIQUE (kind, connection, key)) STRICT;
CREATE TABLE campaign_aliases (
  campaign_key INTEGER NOT NULL, alias_key INTEGER NOT NULL, PRIMARY KEY (campaign_key, alias_key)) STRICT, WITHOUT ROWID;
CREATE TABLE campaign_of (
  campaign_key INTEGER PRIMARY KEY, campaign_id INTEGER NOT NULL) STRICT;
CREATE TABLE campaigns (
  campaign_key INTEGER PRIMARY KEY, connection INTEGER NOT NULL, kind TEXT, title TEXT, subject TEXT, list TEXT, parent TEXT,
  status TEXT, created_at INTEGER, sent_at INTEGER, counts_opens INTEGER, counts_clicks INTEGER) STRICT;
CREATE TABLE campaign_evidence (
  campaign_key INTEGER NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (campaign_key, source, kind, detail)) STRICT, WITHOUT ROWID;
CREATE TABLE campaign_levels (
  campaign_key INTEGER PRIMARY KEY, level INTEGER, evidence TEXT NOT NULL) STRICT;
CREATE TABLE variants (
  campaign_key INTEGER NOT NULL, variant TEXT NOT NULL, label TEXT, recipients INTEGER, is_winner INTEGER,
  PRIMARY KEY (campaign_key, variant)) STRICT, WITHOUT ROWID;
CREATE TABLE campaign_counters (
  campaign_key INTEGER NOT NULL, variant TEXT NOT NULL, number INTEGER NOT NULL, selected INTEGER, sent INTEGER,
  delivered INTEGER, hard_bounces INTEGER, soft_bounces INTEGER, opens INTEGER, unique_opens INTEGER, human_opens INTEGER,
  unique_human_opens INTEGER, clicks INTEGER, unique_clicks INTEGER, unsubscribes INTEGER, complaints INTEGER, dropped INTEGER,
  observed_at INTEGER NOT NULL, PRIMARY KEY (campaign_key, variant, number)) STRICT, WITHOUT ROWID;
CREATE TABLE campaign_links (
  link_id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, is_unsubscribe INTEGER NOT NULL) STRICT;
CREATE TABLE touchpoints (
  connection INTEGER NOT NULL, campaign_key INTEGER NOT NULL, key_id INTEGER NOT NULL, action INTEGER NOT NULL,
  happened_at INTEGER NOT NULL, link_id INTEGER NOT NULL, ordinal INTEGER NOT NULL, variant TEXT NOT NULL, level INTEGER,
  is_machine INTEGER, channel INTEGER NOT NULL, source INTEGER NOT NULL,
  PRIMARY KEY (connection, campaign_key, key_id, action, happened_at, link_id, ordinal)) STRICT, WITHOUT ROWID;

CREATE TABLE order_keys (
  order_key INTEGER PRIMARY KEY, connection INTEGER NOT NULL, vendor_order_id TEXT NOT NULL, shop TEXT NOT NULL,
  shop_order_id TEXT NOT NULL, shop_order_name TEXT NOT NULL, UNIQUE (connection, vendor_order_id)) STRICT;
CREATE TABLE order_of (
  order_key INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, is_money_source INTEGER NOT NULL) STRICT;
CREATE TABLE orders (
  order_key INTEGER PRIMARY KEY, connection INTEGER NOT NULL, kind TEXT, key_id INTEGER, ordered_at INTEGER, status TEXT,
  is_test INTEGER, cancelled_at INTEGER, currency TEXT, sales_channel TEXT, accepts_marketing INTEGER, total_minor INTEGER,
  journey TEXT) STRICT;
CREATE TABLE order_people (
  order_key INTEGER NOT NULL, key_id INTEGER NOT NULL, PRIMARY KEY (order_key, key_id)) STRICT, WITHOUT ROWID;
CREATE TABLE order_lines (
  order_key INTEGER NOT NULL, line TEXT NOT NULL, product TEXT, sku TEXT, quantity INTEGER, current_quantity INTEGER,
  is_gift_card INTEGER, price_minor INTEGER, unit_cost_minor INTEGER, PRIMARY KEY (order_key, line)) STRICT, WITHOUT ROWID;
CREATE TABLE order_ledger (
  order_key INTEGER NOT NULL, entry TEXT NOT NULL, event TEXT NOT NULL, part TEXT NOT NULL, happened_at INTEGER NOT NULL,
  amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, PRIMARY KEY (order_key, entry, part)) STRICT, WITHOUT ROWID;
CREATE TABLE claims (
  connection INTEGER NOT NULL, campaign_key INTEGER NOT NULL, order_key INTEGER NOT NULL, model TEXT NOT NULL,
  number INTEGER NOT NULL, from_at INTEGER, to_at INTEGER, orders INTEGER, amount_minor INTEGER, currency TEXT,
  observed_at INTEGER NOT NULL, PRIMARY KEY (connection, campaign_key, order_key, model, number)) STRICT, WITHOUT ROWID;

CREATE TABLE costs (
  connection INTEGER NOT NULL, entry TEXT NOT NULL, happened_at INTEGER NOT NULL, category TEXT NOT NULL,
  amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, scope TEXT NOT NULL, amortise_months INTEGER NOT NULL,
  PRIMARY KEY (connection, entry)) STRICT, WITHOUT ROWID;
CREATE TABLE assignments (
  connection INTEGER NOT NULL, experiment TEXT NOT NULL, key_id INTEGER NOT NULL, arm TEXT NOT NULL, assigned_at INTEGER,
  planned_share REAL, PRIMARY KEY (connection, experiment, key_id)) STRICT, WITHOUT ROWID;
CREATE TABLE outcomes (
  connection INTEGER NOT NULL, key_id INTEGER NOT NULL, outcome TEXT NOT NULL, happened_at INTEGER NOT NULL, value REAL,
  PRIMARY KEY (connection, key_id, outcome, happened_at)) STRICT, WITHOUT ROWID;
CREATE TABLE decisions (
  connection INTEGER NOT NULL, decision TEXT NOT NULL, key_id INTEGER NOT NULL, decided_at INTEGER NOT NULL,
  selected INTEGER NOT NULL, score REAL, qualified INTEGER,
  PRIMARY KEY (connection, decision, key_id, decided_at)) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
  connection INTEGER NOT NULL, stream TEXT NOT NULL, partition TEXT NOT NULL, parent TEXT NOT NULL, version TEXT,
  done_version TEXT, token TEXT, since INTEGER, until INTEGER, watermark INTEGER, full_at INTEGER,
  PRIMARY KEY (connection, stream, partition)) STRICT, WITHOUT ROWID;
CREATE TABLE coverage (
  connection INTEGER NOT NULL, stream TEXT NOT NULL, partition TEXT NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL, observed_at INTEGER NOT NULL,
  PRIMARY KEY (connection, stream, partition)) STRICT, WITHOUT ROWID;
CREATE TABLE rejects (
  connection INTEGER NOT NULL, stream TEXT NOT NULL, partition TEXT NOT NULL, record TEXT NOT NULL, endpoint TEXT NOT NULL,
  field TEXT NOT NULL, reason TEXT NOT NULL, shape TEXT NOT NULL, observed_at INTEGER NOT NULL,
  PRIMARY KEY (connection, stream, partition, record)) STRICT, WITHOUT ROWID;
CREATE TABLE versions (
  record INTEGER PRIMARY KEY, version INTEGER NOT NULL) STRICT;
CREATE TABLE dirty (
  name TEXT NOT NULL, month INTEGER NOT NULL, rev INTEGER NOT NULL, PRIMARY KEY (name, month)) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
  run INTEGER PRIMARY KEY, command TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER, exit_code INTEGER, pid INTEGER,
  host TEXT, summary TEXT) STRICT;
CREATE TABLE log (
  entry INTEGER PRIMARY KEY, run INTEGER, happened_at INTEGER NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL,
  chain TEXT NOT NULL) STRICT;
CREATE TABLE tombstones (
  hash TEXT PRIMARY KEY, erased_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE imported_files (
  connection INTEGER NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL, rows INTEGER NOT NULL,
  PRIMARY KEY (connection, path)) STRICT, WITHOUT ROWID;
"""

DDL_2: Final = """
ALTER TABLE campaigns ADD COLUMN budget_minor INTEGER;
ALTER TABLE campaigns ADD COLUMN currency TEXT;
ALTER TABLE orders ADD COLUMN cart TEXT;
CREATE TABLE deletions (
  connection INTEGER NOT NULL, thing TEXT NOT NULL, vendor_id TEXT NOT NULL, deleted_at INTEGER, observed_at INTEGER NOT NULL,
  PRIMARY KEY (connection, thing, vendor_id)) STRICT, WITHOUT ROWID;
CREATE TABLE link_counters (
  campaign_key INTEGER NOT NULL, link_id INTEGER NOT NULL, variant TEXT NOT NULL, number INTEGER NOT NULL, clicks INTEGER,
  unique_clicks INTEGER, observed_at INTEGER NOT NULL,
  PRIMARY KEY (campaign_key, link_id, variant, number)) STRICT, WITHOUT ROWID;
CREATE TABLE order_discounts (
  order_key INTEGER NOT NULL, discount TEXT NOT NULL, kind TEXT NOT NULL, code TEXT, amount_minor INTEGER,
  currency TEXT NOT NULL, PRIMARY KEY (order_key, discount)) STRICT, WITHOUT ROWID;
CREATE TABLE order_payments (
  order_key INTEGER NOT NULL, payment TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, gateway TEXT,
  happened_at INTEGER NOT NULL, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, fee_minor INTEGER,
  PRIMARY KEY (order_key, payment)) STRICT, WITHOUT ROWID;
CREATE TABLE carts (
  connection INTEGER NOT NULL, cart TEXT NOT NULL, key_id INTEGER, campaign_key INTEGER, created_at INTEGER,
  updated_at INTEGER, completed_at INTEGER, status TEXT, currency TEXT, total_minor INTEGER, shop TEXT, recovery TEXT,
  recovery_sent_at INTEGER, PRIMARY KEY (connection, cart)) STRICT, WITHOUT ROWID;
CREATE TABLE products (
  connection INTEGER NOT NULL, product TEXT NOT NULL, title TEXT, kind TEXT, status TEXT, created_at INTEGER,
  PRIMARY KEY (connection, product)) STRICT, WITHOUT ROWID;
CREATE TABLE unit_costs (
  connection INTEGER NOT NULL, item TEXT NOT NULL, number INTEGER NOT NULL, product TEXT, sku TEXT, unit_cost_minor INTEGER,
  currency TEXT, observed_at INTEGER NOT NULL, PRIMARY KEY (connection, item, number)) STRICT, WITHOUT ROWID;
CREATE TABLE promo_codes (
  connection INTEGER NOT NULL, promotion TEXT NOT NULL, code TEXT NOT NULL, kind TEXT, share REAL, amount_minor INTEGER,
  currency TEXT, starts_at INTEGER, ends_at INTEGER, uses INTEGER,
  PRIMARY KEY (connection, promotion, code)) STRICT, WITHOUT ROWID;
CREATE TABLE companies (
  connection INTEGER NOT NULL, company TEXT NOT NULL, created_at INTEGER, stage TEXT, industry TEXT, country TEXT, size TEXT,
  PRIMARY KEY (connection, company)) STRICT, WITHOUT ROWID;
CREATE TABLE tickets (
  connection INTEGER NOT NULL, ticket TEXT NOT NULL, key_id INTEGER, created_at INTEGER, closed_at INTEGER,
  first_reply_at INTEGER, stage TEXT, category TEXT, priority TEXT, source TEXT,
  PRIMARY KEY (connection, ticket)) STRICT, WITHOUT ROWID;
CREATE TABLE feedback (
  connection INTEGER NOT NULL, submission TEXT NOT NULL, key_id INTEGER, kind TEXT NOT NULL, survey TEXT, channel TEXT,
  value REAL, grade TEXT, submitted_at INTEGER, ticket TEXT, PRIMARY KEY (connection, submission)) STRICT, WITHOUT ROWID;
CREATE TABLE consent_changes (
  connection INTEGER NOT NULL, key_id INTEGER NOT NULL, channel TEXT NOT NULL, happened_at INTEGER NOT NULL,
  state TEXT NOT NULL, PRIMARY KEY (connection, key_id, channel, happened_at, state)) STRICT, WITHOUT ROWID;
CREATE TABLE present (
  connection INTEGER NOT NULL, stream TEXT NOT NULL, partition TEXT NOT NULL, key TEXT NOT NULL,
  PRIMARY KEY (connection, stream, partition, key)) STRICT, WITHOUT ROWID;
CREATE TABLE parked (
  connection INTEGER NOT NULL, stream TEXT NOT NULL, partition TEXT NOT NULL, key TEXT NOT NULL, parent TEXT,
  data TEXT NOT NULL, PRIMARY KEY (connection, stream, partition, key)) STRICT, WITHOUT ROWID;
"""
"""What the second release of the tables added."""

DDL_3: Final = """
CREATE TABLE erased_counts (
  connection INTEGER NOT NULL, campaign_key INTEGER NOT NULL, action INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (connection, campaign_key, action)) STRICT, WITHOUT ROWID;
CREATE TABLE erased_outcomes (
  connection INTEGER NOT NULL, experiment TEXT NOT NULL, arm TEXT NOT NULL, outcome TEXT NOT NULL, n INTEGER NOT NULL,
  total REAL NOT NULL, total_squares REAL NOT NULL,
  PRIMARY KEY (connection, experiment, arm, outcome)) STRICT, WITHOUT ROWID;
"""
"""What is kept of erased people: how many touches a campaign had, and sums over an arm. No time, no key."""

DDL_4: Final = """
CREATE TABLE touch_months (
  month INTEGER NOT NULL, connection INTEGER NOT NULL, campaign_key INTEGER NOT NULL,
  PRIMARY KEY (month, connection, campaign_key)) STRICT, WITHOUT ROWID;
"""
"""Which campaigns were ever touched in which month (as `dirty` numbers months), so that the mirror need not look at all."""

DDL_5: Final = """
CREATE TABLE sessions (
  connection INTEGER NOT NULL, session TEXT NOT NULL, key_id INTEGER, started_at INTEGER NOT NULL, source TEXT, medium TEXT,
  campaign TEXT, device TEXT, pages INTEGER, seconds REAL, is_bounced INTEGER, experience TEXT, is_converted INTEGER,
  PRIMARY KEY (connection, session)) STRICT, WITHOUT ROWID;
CREATE TABLE social_posts (
  connection INTEGER NOT NULL, network TEXT NOT NULL, post TEXT NOT NULL, posted_at INTEGER NOT NULL, campaign TEXT,
  reach INTEGER, followers INTEGER, likes INTEGER, shares INTEGER, comments INTEGER,
  PRIMARY KEY (connection, network, post)) STRICT, WITHOUT ROWID;
CREATE TABLE work_times (
  connection INTEGER NOT NULL, entry TEXT NOT NULL, task TEXT NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL,
  hours_before REAL, hours_after REAL, rate_minor INTEGER, currency TEXT, on_cost REAL, output REAL,
  PRIMARY KEY (connection, entry)) STRICT, WITHOUT ROWID;
CREATE TABLE ad_spend (
  connection INTEGER NOT NULL, entry TEXT NOT NULL, happened_at INTEGER NOT NULL, channel TEXT NOT NULL, campaign TEXT,
  purpose TEXT, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
  PRIMARY KEY (connection, entry)) STRICT, WITHOUT ROWID;
CREATE TABLE wallets (
  connection INTEGER NOT NULL, key_id INTEGER NOT NULL, category TEXT NOT NULL, from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
  PRIMARY KEY (connection, key_id, category, from_at)) STRICT, WITHOUT ROWID;
"""
"""What the user's own files tell besides: visits, posts, hours, advertising, what people spend elsewhere."""

DDL_6: Final = """
ALTER TABLE orders ADD COLUMN opened_at INTEGER;
"""
"""When a deal was made: what is known of it before it was won."""

DDL_7: Final = """
CREATE TABLE file_lines (
  connection INTEGER NOT NULL, kind TEXT NOT NULL, entry TEXT NOT NULL, path TEXT NOT NULL,
  PRIMARY KEY (connection, kind, entry, path)) STRICT, WITHOUT ROWID;
"""
"""Which of the user's files said which line of money; `kind` is the table it stands in."""

DDL: Final = DDL_1 + DDL_2 + DDL_3 + DDL_4 + DDL_5 + DDL_6 + DDL_7
"""Every table as this release knows it."""

MONTHLY: Final = ("touchpoints", "order_ledger")
"""Tables mirrored by month of `happened_at`; `dirty.month` is year * 12 + month - 1 (UTC), -1 for a table kept whole."""

DERIVED: Final = ("person_of", "order_of", "campaign_of", "campaign_levels")
"""Computed from facts at the end of a pull, replaced whole."""

OUTSIDE_DIGEST: Final = (
    "runs",
    "log",
    "checkpoints",
    "dirty",
    "touch_months",
    "versions",
    "meta",
    "words",
    "actions",
    "imported_files",
    "file_lines",
    "present",
    "parked",
    *DERIVED,
)
"""Tables that the digest leaves out; `words` only gives short names to texts that the digest reads in full."""

OUTSIDE_COLUMNS: Final = ("run", "observed_at", "pulled_at", "undone_at")
OUTSIDE_FIELDS: Final = (("coverage", "to_at"),)
"""`coverage.to_at` is the moment of the pull that made it complete: an observation, under another name."""

MIRRORED: Final = (
    "connections",
    "words",
    "actions",
    "person_of",
    "contacts",
    "consents",
    "consent_changes",
    "attributes",
    "stages",
    "fields",
    "segments",
    "memberships",
    "campaign_keys",
    "campaign_of",
    "campaigns",
    "campaign_evidence",
    "campaign_levels",
    "campaign_counters",
    "campaign_links",
    "touchpoints",
    "order_keys",
    "order_of",
    "orders",
    "order_people",
    "order_lines",
    "order_ledger",
    "order_discounts",
    "order_payments",
    "claims",
    "carts",
    "products",
    "unit_costs",
    "promo_codes",
    "companies",
    "tickets",
    "feedback",
    "deletions",
    "link_counters",
    "sessions",
    "social_posts",
    "work_times",
    "ad_spend",
    "wallets",
    "costs",
    "assignments",
    "outcomes",
    "decisions",
    "coverage",
)

ERASURES: Final = "erasures"
"""in `meta`: how many erasures the store has seen; a mirror that knows of fewer must drop its old files at once"""
DUE: Final = "erasure due"
"""in `meta`: the numbers of keys that turned out to be an erased person's, and whose rows have yet to go"""

UNFINISHED: Final = "erasure unfinished"
"""in `meta`: set in the erasure's own transaction, taken away once no byte of a deleted row is left"""

HASHED_KINDS: Final = frozenset({"email", "member", "mc_eid", "opaque"})
"""Kinds of person keys that are stored as a keyed hash only."""

SHARED_PERSON_KINDS: Final = frozenset({"email", "mc_eid"})
"""Kinds whose key means the same person in every connection: stored with connection 0."""

SHARED_CAMPAIGN_KINDS: Final = frozenset({"mc_cid", "hsmi", "utm"})

CLUSTER_LIMIT: Final = 20
"""Clusters of more keys than this are not believed: they stay apart and are listed."""
