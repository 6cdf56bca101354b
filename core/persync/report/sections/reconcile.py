"""Does it tie to the till: the shop, the store and what each platform says it earned."""

from __future__ import annotations

from collections.abc import Sequence

from persync.attribution.claim_differences import ALL, CAUSES
from persync.attribution.reconcile import OverClaim, PlatformClaim, Reconciliation, reconcile
from persync.estimate import Estimate
from persync.money import Money, from_minor
from persync.report import charts, words
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table

__all__ = ["SECTION", "Reconciliation", "build_reconcile", "read", "sentence", "tile"]

AGAINST = {"email_touched": "orders with an e-mail touch", "all": "all orders"}
HEADLINE = ("email_touched", "gross")
"""Platforms claim gross, and no order without any e-mail before it can be an e-mail's."""


def read(inputs: Inputs) -> Reconciliation:
    """Return the reconciliation; DataError when there is no order or no one currency."""
    return reconcile(inputs.engine, inputs.ask, [model for model in inputs.models if model.sums_to == "order"])


def build_reconcile(inputs: Inputs) -> Sequence[Block]:
    """Return the till, the bridge from net to gross, the claims and by how much they exceed what was taken."""
    found = read(inputs)
    claims = _claims(found)
    blocks: list[Block] = [Note(_tie(found), "warning" if found.differences else "info")]
    blocks.append(
        Note(sentence(found), "answer", "Do the platforms over-claim?") if found.has_claims else Note(sentence(found))
    )
    blocks += [_till(found), _bridge(found)]
    if claims is not None:
        blocks += [claims, _over(found), _figure(found, claims)]
    causes = _causes(found)
    if causes is not None:
        blocks += [Note(_explained(found)), causes] if found.has_claims else [causes]
    return [*blocks, DEFINITION]


def _money(minor: int, found: Reconciliation) -> Money:
    return Money(minor, found.currency)


def _tie(found: Reconciliation) -> str:
    """Say whether the store holds what the shop says."""
    orders = found.orders
    left = f" {words.plural(orders['test'], 'test order')} left out." if orders["test"] else ""
    if found.differences:
        first = found.differences[0]
        return (
            f"The store does not tie to the till: {words.plural(len(found.differences), 'order')}"
            f" {'differs' if len(found.differences) == 1 else 'differ'}, first {first.order}"
            f" ({words.money(_money(first.shop_minor, found))} at the shop,"
            f" {words.money(_money(first.ledger_minor, found))} here).{left}"
        )
    stated = sum(source.orders - source.unstated for source in found.sources)
    unstated = sum(source.unstated for source in found.sources)
    silent = f" For {words.plural(unstated, 'order')} the seller gives no total to hold against." if unstated else ""
    return (
        f"The store ties to the till: for each of {words.plural(stated, 'order')} its ledger comes to what the seller says,"
        f" to the cent, {words.money(_money(found.shop_minor, found))} in all.{silent}{left}"
    )


def _headline(found: Reconciliation) -> OverClaim:
    return next(each for each in found.over_claims if (each.against, each.basis) == HEADLINE)


def sentence(found: Reconciliation) -> str:
    """Say how far the platforms over-claim."""
    if not found.has_claims or not found.claims_minor:
        return "No platform claims any revenue, so there is nothing to hold against the till."
    names = words.listing(sorted({claim.connection for claim in found.claims if claim.is_added}))
    each = _headline(found)
    claimed = (
        f"{names} {'claims' if ' and ' not in names else 'together claim'} {words.money(_money(found.claims_minor, found))}"
    )
    took = f"{words.plural(each.orders, 'order')} with an e-mail touch before them"
    if each.ratio is None:
        return f"Yes: {claimed}, and no order with an e-mail touch before it is known."
    amount = words.money(_money(each.actual_minor, found))
    if each.ratio > 1:
        return f"Yes. {claimed}; the {took} came to {amount}. The claims are {words.times(each.ratio)} that."
    return f"Not by this measure. {claimed}; the {took} came to {amount}: the claims are {words.times(each.ratio)} that."


def ratio(each: OverClaim, *, has_claims: bool = True) -> Estimate:
    """Return an over-claim as an estimate: a ratio of totals, so without an interval."""
    reason = None if each.ratio is not None else "no_denominator" if has_claims else "no_claims"
    by = {"against": each.against, "basis": each.basis}
    return Estimate("over_claim", each.ratio, n=each.orders, unit="ratio", reason=reason, by=by)


def tile(found: Reconciliation) -> list[tuple[Cell, ...]]:
    """Return the one number of this part for the first page."""
    if not found.has_claims or not found.claims_minor:
        return []
    return [
        ("Platforms claim, of what such orders came to", ratio(_headline(found)), "claims over orders with an e-mail touch")
    ]


def _till(found: Reconciliation) -> Table:
    columns = (
        Column("source", "Where the money comes from"),
        Column("orders", "Orders", "count"),
        Column("shop", "The seller says", "money", "the seller's own current totals"),
        Column("gross", "Ledger, gross", "money", "all parts: products, shipping, tax, tips, duties, fees"),
        Column("net", "Ledger, net", "money", "products and adjustments: what this report calls revenue"),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            source.connection,
            source.orders,
            _money(source.shop_minor, found) if source.unstated < source.orders else None,
            _money(source.gross_minor, found),
            _money(source.net_minor, found),
        )
        for source in found.sources
    ]
    if len(rows) > 1:
        totals = (found.shop_minor, found.gross_minor, found.net_minor)
        rows.append(("All", sum(s.orders for s in found.sources), *(_money(total, found) for total in totals)))
    return Table("till", "The shop and the store", columns, tuple(rows), has_total=len(found.sources) > 1)


def _bridge(found: Reconciliation) -> Table:
    columns = (Column("part", "Part"), Column("amount", "Amount", "money"))
    net = [(part, minor) for part, minor in found.parts.items() if part in ("product", "adjustment")]
    rest = [(part, minor) for part, minor in found.parts.items() if part not in ("product", "adjustment")]
    rows: list[tuple[Cell, ...]] = [(part.replace("_", " "), _money(minor, found)) for part, minor in net]
    rows.append(("= net", _money(sum(minor for _, minor in net), found)))
    rows += [(part.replace("_", " "), _money(minor, found)) for part, minor in rest]
    rows.append(("= gross", _money(sum(found.parts.values()), found)))
    return Table("bridge", "From net to gross", columns, tuple(rows), has_total=True)


def _claims(found: Reconciliation) -> Table | None:
    if not found.claims:
        return None

    def cells(claim: PlatformClaim) -> tuple[Cell, ...]:
        amount = Money(claim.amount_minor, claim.currency or found.currency)
        return claim.connection, claim.model, claim.orders, amount, "yes" if claim.is_added else "no"

    columns = (
        Column("platform", "Platform"),
        Column("rule", "Its own rule"),
        Column("orders", "Orders it claims", "count"),
        Column("amount", "It claims", "money"),
        Column(
            "added", "Added up", "text", "one rule a platform stands in the sum; several rules of one platform claim the same"
        ),
    )
    rows = [*map(cells, found.claims), ("Added up", None, None, _money(found.claims_minor, found), None)]
    return Table("claims", "What each platform says it earned", columns, tuple(rows), has_total=True)


def _over(found: Reconciliation) -> Table:
    columns = (
        Column("against", "Held against"),
        Column("basis", "Basis", "text", "platforms claim gross: with tax and shipping"),
        Column("actual", "They came to", "money"),
        Column("ratio", "Claims over that", "estimate", "a ratio of totals, so without an interval; n counts orders"),
    )
    rows = tuple(
        (AGAINST[each.against], each.basis, _money(each.actual_minor, found), ratio(each, has_claims=found.has_claims))
        for each in found.over_claims
    )
    return Table("over_claim", "By how much the claims exceed what was taken", columns, rows)


def _causes(found: Reconciliation) -> Table | None:
    """Return why the claims are not what such orders come to: of each platform the rule that is added up, claims that name
    orders, the shop's own journeys, and all that are added up."""
    added = {(claim.connection, claim.model) for claim in found.claims if claim.is_added}
    shown = [one for one in found.claim_differences if one.by_order or one.model == ALL or (one.connection, one.model) in added]
    if not shown:
        return None
    columns = (
        Column("platform", "Platform"),
        Column("rule", "Its own rule"),
        Column("cause", "Why"),
        Column("amount", "Amount", "money", "the causes of a claim add up to what it exceeds such orders by, to the cent"),
        Column("most", "At most", "money", "where a claim names no orders: how far this can reach; it is no estimate"),
        Column("orders", "Orders", "count"),
    )
    rows: list[tuple[Cell, ...]] = []
    for one in shown:
        named = (one.connection, one.model)
        rows.append((*named, "it claims", _money(one.claimed_minor, found), None, None))
        rows.append((*named, f"such orders come to, {found.basis}", _money(one.actual_minor, found), None, one.orders))
        rows += [
            (
                *named,
                CAUSES[cause.name],
                _money(cause.amount_minor, found),
                None if cause.high_minor is None else _money(cause.high_minor, found),
                cause.orders,
            )
            for cause in one.causes
        ]
    return Table("claim_causes", "Why the claims differ", columns, tuple(rows))


def _explained(found: Reconciliation) -> str:
    """Say how much of the difference has a cause."""
    whole = next((one for one in found.claim_differences if one.model == ALL), None)
    if whole is None:
        return "No claim is in the currency of the orders, so none can be held against them."
    rest = sum(cause.amount_minor for cause in whole.causes if cause.name == "unexplained")
    how = "exceed what such orders come to" if whole.difference_minor >= 0 else "fall short of what such orders come to"
    said = f"Together the claims {how} by {words.money(_money(abs(whole.difference_minor), found))}"
    if rest:
        return f"{said}; {words.money(_money(rest, found))} of it cannot be explained."
    if whole.by_order:
        return f"{said}; a cause is known for all of it, order by order."
    return f"{said}. Of a claim that names no orders only how far each cause may reach is known; here they reach far enough."


def _figure(found: Reconciliation, claims: Table) -> Figure:
    each = _headline(found)
    bars = [("the till, gross", found.gross_minor), ("with an e-mail touch, gross", each.actual_minor)]
    bars += [(f"{claim.connection} claims", claim.amount_minor) for claim in found.claims if claim.is_added]
    rows = [{"name": name, "amount": float(from_minor(minor, found.currency))} for name, minor in bars]
    said = "; ".join(f"{name} {words.money(_money(minor, found))}" for name, minor in bars)
    return Figure(
        "claims_figure",
        "What was taken, and what the platforms claim of it",
        f"{said}.",
        charts.bars(rows, amount="amount", of="name", unit=found.currency, colours=True),
        claims,
    )


DEFINITION = Note(
    "An order seen by several systems is one order; its money comes from the shop first. Revenue is the dated ledger of sales,"
    " edits, refunds and returns, never a total less what was refunded. An order has an e-mail touch when somebody on it"
    " clicked a message or came from one within the look-back. Each platform claims by its own generous rule, and two platforms"
    " may claim the same order.",
    "definition",
    "How the claims are held against the till",
)

SECTION = Section("reconcile", "Does it tie to the till?", build_reconcile, order=450)
