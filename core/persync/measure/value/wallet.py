"""Share of wallet: what customers spend here of what they say to spend everywhere. Never guessed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.metric import Ask
from persync.measure.occasions import Ground, build
from persync.measure.texts import piece
from persync.measure.value.cut import Row, cut

ID: Final = "share_of_wallet"
NO_WALLET: Final = "no_wallet"
HOW: Final = "import what customers spend on the category everywhere: persync import wallet FILE"

_OWN = (
    "owned AS (SELECT COALESCE(po.person, w.key_id) AS person, w.category AS category, w.from_at AS from_at, w.to_at AS to_at,"
    " MAX(w.amount_minor) AS amount_minor, MIN(w.currency) AS currency_low, MAX(w.currency) AS currency_high FROM wallets AS w"
    " LEFT JOIN person_of AS po ON po.key_id = w.key_id WHERE w.to_at <= :end_at AND w.from_at >= :from_at"
    " GROUP BY COALESCE(po.person, w.key_id), w.category, w.from_at, w.to_at)"
)
_SPENT = (
    "spent AS (SELECT v.person AS person, v.category AS category, v.from_at AS from_at, v.to_at AS to_at,"
    " MAX(v.amount_minor) AS wallet, MIN(v.currency_low) AS wallet_low, MAX(v.currency_high) AS wallet_high,"
    " COALESCE(SUM(m.revenue_minor), 0) AS here, MIN(m.currency_low) AS currency_low, MAX(m.currency_high) AS currency_high"
    " FROM owned AS v LEFT JOIN order_money AS m ON m.person = v.person AND m.ordered_at >= v.from_at AND m.ordered_at <"
    " v.to_at GROUP BY v.person, v.category, v.from_at, v.to_at)"
)
_SUMS = (
    "SELECT s.category AS category, COUNT(*) AS people, CAST(SUM(s.here) AS DOUBLE) AS y, CAST(SUM(s.wallet) AS DOUBLE) AS x,"
    " SUM(CAST(s.here AS DOUBLE) * s.here) AS yy, SUM(CAST(s.wallet AS DOUBLE) * s.wallet) AS xx,"
    " SUM(CAST(s.here AS DOUBLE) * s.wallet) AS xy, CAST(SUM(CASE WHEN s.here > s.wallet THEN 1 ELSE 0 END) AS BIGINT) AS"
    " above, MIN(s.wallet_low) AS wallet_low, MAX(s.wallet_high) AS wallet_high, MIN(s.currency_low) AS currency_low,"
    " MAX(s.currency_high) AS currency_high/*columns*/ FROM spent AS s JOIN grouped AS g ON g.person = s.person /*keys*/"
)


def share_of_wallet(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute net spend here over the category spend people told, over the same days, for those who told it."""
    ground = build(engine, ask)
    sliced = cut(engine, ask, ID)
    told = engine.rows("SELECT COUNT(*) AS n FROM wallets AS w")
    if not int(told[0]["n"]):
        return [replace(rules.absent(ID, NO_WALLET, {}, unit="share", note=HOW), period=ask.period)]
    begin = ask.period[0] if ask.period else -(2**62)
    params = {"end_at": ground.end_at, "from_at": begin, "gross": int(ask.basis == "gross")}
    rows = sliced.rows(engine, _SUMS, params, per="s.category", before=(piece("order_money"), _OWN, _SPENT))
    if not rows:
        note = "no wallet told lies within the days that orders are known for"
        return [replace(rules.absent(ID, rules.IMMATURE, {}, unit="share", note=note), period=ask.period)]
    found = sliced.estimates(rows, ID, "share", "people", lambda row, by: _one(row, by, ask, ground))
    return [replace(one, period=ask.period) for one in found]


def _one(row: Row, by: dict[str, str], ask: Ask, ground: Ground) -> Estimate:
    by = {**by, "category": str(row["category"])} if row["category"] else by
    people, wallet = int(row["people"]), float(row["x"])
    ends = [row[name] for name in ("wallet_low", "wallet_high", "currency_low", "currency_high")]
    if rules.one_currency(ends) is None:
        return rules.absent(ID, rules.MIXED_CURRENCIES, by, unit="share", n=people)
    if wallet <= 0:
        return rules.absent(ID, rules.NO_DENOMINATOR, by, unit="share", n=people)
    if people < ask.suppress_n:
        return rules.suppressed(ID, ask, by, unit="share")
    sums = (float(row["y"]), wallet, float(row["yy"]), float(row["xx"]), float(row["xy"]))
    made = rules.from_interval(
        ID, intervals.ratio_of_sums(people, *sums, ask.confidence), n=people, unit="share", by=by, value=sums[0] / wallet
    )
    above = int(row["above"])
    note = f"what they spend elsewhere is their own word; of {people:,} who told it"
    note += f"; {above:,} spent more here than they said to spend at all" if above else ""
    note += "; all spending here is held against the category" if row["category"] else ""
    return rules.with_note(rules.with_note(made, note), rules.smallness(people, None, ask))
