"""Looking at some people alone: those of a segment, of an experiment's arm, or of both.

Every table about people is narrowed to theirs, and their orders; everything on the page is then computed as ever. What is
known of the shop as a whole only (costs, vendors' totals, advertising) is empty, so that no part of it is taken for theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from persync.errors import ConfigError, DataError, nearest
from persync.measure import experiments, membership
from persync.measure.grouping import asked_experiment
from persync.measure.texts import join, piece, run, write
from persync.report import words

if TYPE_CHECKING:
    from persync.engine.duck import DuckEngine
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.serve.filters import Filters

TABLE: Final = "scope"
OF_PEOPLE: Final = (
    "person_of",
    "contacts",
    "consents",
    "consent_changes",
    "attributes",
    "stages",
    "memberships",
    "touchpoints",
    "order_people",
    "carts",
    "tickets",
    "feedback",
    "sessions",
    "wallets",
    "assignments",
    "outcomes",
    "decisions",
)
"""tables whose rows are somebody's: they have a `key_id`"""
OF_ORDERS: Final = ("orders", "order_keys", "order_of", "order_lines", "order_ledger", "order_discounts", "order_payments")
OF_THE_SHOP: Final = (
    "campaign_counters",
    "link_counters",
    "claims",
    "costs",
    "ad_spend",
    "work_times",
    "social_posts",
    "companies",
    "deletions",
)
"""tables of sums that cannot be told apart by people"""


@dataclass(frozen=True, slots=True)
class Scope:
    """Who is looked at: how many people, in words, and what is to be said about it."""

    people: int
    title: str
    notes: tuple[str, ...]


def members(engine: Engine, filters: Filters, ask: Ask) -> tuple[list[str], str, dict[str, Any]]:
    """Return the CTE texts that end in `chosen (person)`, and their parameters; the last of three is what they are called.

    Raise ConfigError for a segment, experiment or arm that there is not.
    """
    texts: list[str] = []
    params: dict[str, Any] = {}
    parts: list[str] = []
    if filters.segment:
        at = membership.moment(ask)
        membership.build(engine, ask, [at])
        known = run(engine, "SELECT DISTINCT m.segment AS segment FROM segment_members AS m", {})
        names = sorted(str(row["segment"]) for row in known)
        if filters.segment not in names:
            raise ConfigError(f"nobody is in a segment '{filters.segment}'.", hint=nearest(filters.segment, names))
        parts.append("SELECT m.person AS person FROM segment_members AS m WHERE m.segment = :segment")
        params["segment"] = filters.segment
    if filters.experiment:
        name, arm = filters.experiment
        experiment = asked_experiment(engine, replace(ask, arm=name))
        sizes = experiments.arm_sizes(engine, experiment)
        if arm not in sizes:
            raise ConfigError(f"the experiment '{name}' has no arm '{arm}'.", hint=nearest(arm, sorted(sizes)))
        base, given = experiments.arms_sql(experiment)
        texts += base
        parts.append("SELECT a.person AS person FROM arms AS a WHERE a.arm = :chosen_arm")
        params |= {**given, "chosen_arm": arm}
    texts.append(f"chosen AS ({' INTERSECT '.join(parts)})")
    return texts, _title(filters), params


def narrow(engine: DuckEngine, filters: Filters, ask: Ask) -> tuple[DuckEngine, Scope]:
    """Return an engine that knows the chosen people alone, and who they are.

    Raise DataError where they, or those left over, are fewer than may be shown: the two pages side by side would tell of them.
    """
    texts, title, params = members(engine, filters, ask)
    people = _count(engine, texts, params, "")
    if people < ask.suppress_n:
        raise DataError(
            f"{title}: fewer than {ask.suppress_n} people, so nothing is shown of them.", hint="Choose a larger group."
        )
    for left in _left(engine, filters, ask, people):
        if 0 < left < ask.suppress_n:
            raise DataError(
                f"{title}: all but fewer than {ask.suppress_n} people, who could be told from the rest.",
                hint="Take the filter away.",
            )
    write(
        engine,
        join(
            piece("owned_orders"),
            *texts,
            "SELECT COALESCE(po.key_id, c.person) AS key_id, CAST(NULL AS BIGINT) AS order_key FROM chosen AS c"
            " LEFT JOIN person_of AS po ON po.person = c.person"
            " UNION ALL SELECT CAST(NULL AS BIGINT) AS key_id, f.order_key AS order_key FROM order_of AS f"
            " JOIN owned_orders AS w ON w.order_id = f.order_id JOIN chosen AS c ON c.person = w.person",
        ),
        params,
        TABLE,
    )
    return engine.narrowed(TABLE, _conditions(filters)), Scope(people, title, tuple(_notes(filters, ask)))


def _count(engine: Engine, texts: Sequence[str], params: dict[str, Any], where: str) -> int:
    (row,) = run(engine, join(*texts, f"SELECT COUNT(*) AS n FROM chosen AS c {where}"), params)
    return int(row["n"])


def _left(engine: Engine, filters: Filters, ask: Ask, people: int) -> list[int]:
    """Return how many people are left over in every larger group that has a page of its own."""
    sizes = [int(engine.rows("SELECT COUNT(DISTINCT po.person) AS n FROM person_of AS po")[0]["n"])]
    if filters.segment and filters.arm:
        for name in ("segment", "arm"):
            texts, _, params = members(engine, filters.without(name), ask)
            sizes.append(_count(engine, texts, params, ""))
    return [size - people for size in sizes]


def _conditions(filters: Filters) -> dict[str, str]:
    own = f"t.key_id IN (SELECT s.key_id FROM {TABLE} AS s WHERE s.key_id IS NOT NULL)"
    ordered = f"t.order_key IN (SELECT s.order_key FROM {TABLE} AS s WHERE s.order_key IS NOT NULL)"
    keep = {**dict.fromkeys(OF_PEOPLE, own), **dict.fromkeys(OF_ORDERS, ordered), **dict.fromkeys(OF_THE_SHOP, "FALSE")}
    if filters.segment:
        # One attribute at a time, as everywhere (a segment is one): crossed with another it would show small groups.
        keep["attributes"] = "FALSE"
    if filters.experiment:
        keep["assignments"] = f"{own} AND t.experiment <> '{filters.experiment[0].replace(chr(39), chr(39) * 2)}'"
    return keep


def ask_within(filters: Filters, ask: Ask) -> Ask:
    """Return the question for the chosen people: of experiments only those that can be read in them.

    An arm has nothing to be held against in its own experiment, and a segment that was looked at after a draw may hold those
    whom the draw brought there.
    """
    kept = dict(ask.experiments)
    if filters.experiment:
        kept.pop(filters.experiment[0], None)
    if filters.segment:
        at = membership.moment(ask)
        kept = {name: one for name, one in kept.items() if one.since is not None and one.since >= at}
    return replace(ask, experiments=kept, baseline=None)


def _title(filters: Filters) -> str:
    parts = [f"people in the segment '{filters.segment}'"] if filters.segment else []
    if filters.experiment:
        name, arm = filters.experiment
        parts.append(f"people in the arm '{arm}' of the experiment '{name}'")
    text = " who are also ".join(parts)
    return text[:1].upper() + text[1:]


def _notes(filters: Filters, ask: Ask) -> list[str]:
    notes = [
        "Costs, advertising and the vendors' own totals are known for the whole shop only, so what needs them is left out here."
        " What is fitted or ranked is so among these people."
    ]
    if filters.segment:
        day = words.day(membership.moment(ask), ask.timezone)
        notes.append(f"Who is in the segment is taken as of {day}; other attributes are not shown within it.")
    if filters.experiment:
        notes.append("What the draw caused is told by the part on tests, without this filter.")
    return notes
