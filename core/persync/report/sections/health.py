"""Can the data be trusted: what was read from when to when, where the holes are, how well the systems join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.texts import bounds, join, piece, run
from persync.report import words
from persync.report.coverage import COVERAGE
from persync.report.report import Block, Cell, Column, Inputs, Note, Section, Table

# One row an order that counts in the period, seen by the system its money comes from; `others` = systems besides that one
# that know its buyer as a contact.
ORDERS: Final = """
WITH known AS (
  SELECT DISTINCT COALESCE(p.person, k.key_id) AS person, k.connection AS connection
  FROM contacts AS k LEFT JOIN person_of AS p ON p.key_id = k.key_id),
bought AS (
  SELECT o.order_key AS order_key, o.connection AS connection, o.journey AS journey, COALESCE(p.person, o.key_id) AS person
  FROM orders AS o
  JOIN order_of AS f ON f.order_key = o.order_key AND f.is_money_source = 1
  LEFT JOIN person_of AS p ON p.key_id = o.key_id
  WHERE COALESCE(o.is_test, 0) = 0 AND COALESCE(o.kind, 'order') = 'order'
    AND COALESCE(o.ordered_at, 0) >= :from_at AND COALESCE(o.ordered_at, 0) < :to_at),
joined AS (
  SELECT b.order_key AS order_key, COUNT(k.connection) AS others
  FROM bought AS b LEFT JOIN known AS k ON k.person = b.person AND k.connection <> b.connection
  GROUP BY b.order_key)
SELECT
  COUNT(*) AS orders,
  COALESCE(SUM(CASE WHEN b.person IS NOT NULL THEN 1 ELSE 0 END), 0) AS with_person,
  COALESCE(SUM(CASE WHEN j.others > 0 THEN 1 ELSE 0 END), 0) AS matched,
  COALESCE(SUM(CASE WHEN b.journey IS NOT NULL THEN 1 ELSE 0 END), 0) AS told,
  COALESCE(SUM(CASE WHEN b.journey = 'observed' THEN 1 ELSE 0 END), 0) AS observed
FROM bought AS b JOIN joined AS j ON j.order_key = b.order_key"""

OPENS: Final = """
SELECT
  COUNT(*) AS opens,
  COALESCE(SUM(CASE WHEN t.is_machine IS NOT NULL THEN 1 ELSE 0 END), 0) AS flagged,
  COALESCE(SUM(t.is_machine), 0) AS machines
FROM touchpoints AS t WHERE t.action = 3 AND t.happened_at >= :from_at AND t.happened_at < :to_at"""

SENDS: Final = """
SELECT COUNT(*) AS sends, COALESCE(SUM(CASE WHEN s.level IS NOT NULL THEN 1 ELSE 0 END), 0) AS graded
FROM sends AS s"""

HOLES: Final = {
    "scope": "the key has no permission for it",
    "tier": "the account's plan does not include it",
    "role": "the user's role does not allow it",
    "gone": "the vendor no longer offers it",
}


def build_health(inputs: Inputs) -> Sequence[Block]:
    """Return what was read, the holes, and the shares that say how well the systems join."""
    rows = inputs.engine.rows(COVERAGE)
    walls = [_walls(rows, inputs.ask.timezone)] if any(row["covers_from"] for row in rows) else []
    return [*_holes(rows), *walls, _shares(inputs), _coverage(rows)]


def _holes(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not rows:
        return [Note("Nothing has been pulled yet: every number here would be about an empty store.", "warning")]
    broken = [row for row in rows if int(row["holes"])]
    if not broken:
        names = sorted({str(row["connection"]) for row in rows})
        return [Note(f"Everything asked of {words.listing(names)} was read to its end; there are no holes.")]
    return [
        Note(
            f"There are holes: {row['connection']} {row['stream']} is not complete ({_why(row)})."
            " Numbers that rest on it may be too low.",
            "warning",
        )
        for row in broken
    ]


def _why(row: Mapping[str, Any]) -> str:
    return HOLES.get(str(row["reason"]), str(row["reason"] or "no reason was kept"))


def _walls(rows: Sequence[Mapping[str, Any]], timezone: str) -> Note:
    walls = {str(row["connection"]): int(row["covers_from"]) for row in rows if row["covers_from"]}
    said = words.listing([f"{name} before {words.day(at, timezone)}" for name, at in walls.items()])
    return Note(f"The account does not show everything it holds: nothing of {said}.", "warning")


def _coverage(rows: Sequence[Mapping[str, Any]]) -> Table:
    def cells(row: Mapping[str, Any]) -> tuple[Cell, ...]:
        begins = row["from_at"]
        state = "complete" if not int(row["holes"]) else _why(row)
        return (
            str(row["connection"]),
            str(row["stream"]),
            None if row["to_at"] is None else "the beginning" if not begins else int(begins),
            None if row["to_at"] is None else int(row["to_at"]),
            int(row["complete"]),
            int(row["holes"]),
            state,
        )

    columns = (
        Column("connection", "Connection"),
        Column("stream", "Stream"),
        Column("from", "From", "time"),
        Column("to", "To", "time", "the moment of the pull that read it to its end"),
        Column("complete", "Parts read", "count", "a part is a campaign, a list or a span of time that is read in one piece"),
        Column("holes", "Parts missing", "count"),
        Column("state", "State"),
    )
    return Table("coverage", "What was read, from when to when", columns, tuple(map(cells, rows)))


def gaps(inputs: Inputs) -> list[str]:
    """Say in sentences what of the data is missing: holes, orders that join to nobody, messages without a level."""
    said = [
        f"{row['connection']} {row['stream']} is not complete: {_why(row)}."
        for row in inputs.engine.rows(COVERAGE)
        if int(row["holes"])
    ]
    orders, _, sends = counts(inputs)
    lost = int(orders["orders"]) - int(orders["matched"])
    if lost:
        part = words.share(lost / int(orders["orders"]))
        said.append(f"Who is behind {part} of the orders: their buyers are known to no other system.")
    unread = int(sends["sends"]) - int(sends["graded"])
    if unread:
        part = words.share(unread / int(sends["sends"]))
        said.append(f"How personal {part} of the messages were: their content was not read.")
    return said


def counts(inputs: Inputs) -> tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]:
    """Count the period's orders with their joins, its opens by flag, and its messages by whether their level is known."""
    within = bounds(inputs.ask.period)
    orders, opens, sends = (run(inputs.engine, sql, within)[0] for sql in (ORDERS, OPENS, join(piece("sends"), SENDS)))
    return orders, opens, sends


def _shares(inputs: Inputs) -> Table:
    orders, opens, sends = counts(inputs)

    def share(id: str, part: Any, whole: Any) -> Estimate:
        return rules.share(id, int(part), int(whole), inputs.ask, {})

    rows: list[tuple[Cell, ...]] = [
        (
            "Orders whose buyer is known",
            share("orders_with_person", orders["with_person"], orders["orders"]),
            "the rest are guest or point-of-sale orders that nothing can be joined to",
        ),
        (
            "Orders whose buyer another system knows too",
            share("identity_match", orders["matched"], orders["orders"]),
            "joined by keyed hash of the address or by platform id; the rest cannot be credited to a message",
        ),
        (
            "Orders whose journey the shop saw",
            share("journey_observed", orders["observed"], orders["told"]),
            "of the orders where the shop says whether it did",
        ),
        (
            "Opens made by machines",
            share("machine_opens", opens["machines"], opens["flagged"]),
            f"of the opens a platform flags; {words.number(int(opens['opens']) - int(opens['flagged']))} opens carry no flag",
        ),
        (
            "Messages whose personalisation is known",
            share("levels_known", sends["graded"], sends["sends"]),
            "the content of the rest could not be read; they stay a group of their own",
        ),
    ]
    columns = (Column("what", "What"), Column("share", "Share", "estimate"), Column("why", "What it means"))
    return Table("joins", "How well the systems join", columns, tuple(rows))


SECTION = Section("health", "Can the data be trusted?", build_health, order=600)
