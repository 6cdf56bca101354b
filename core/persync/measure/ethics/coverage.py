"""How many of those mailed had a consent behind what they got, by any slice of the mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.ethics import consent
from persync.measure.grouping import hidden
from persync.measure.metric import Ask, Metric
from persync.measure.slices import SLICES, slices
from persync.measure.texts import bounds, join, run


def consent_coverage(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of recipients whose last message in the slice stood on a recorded consent or another basis, and how
    many had none (`sends_without_consent`): the states of `consent_basis` in two halves."""
    ids = ("consent_coverage", "sends_without_consent")
    cut = slices(engine, ask, ids[0])
    if not consent.build(engine, ask):
        units = zip(ids, ("share", "count"), strict=True)
        return [replace(rules.absent(id, consent.NO_CONSENTS, {}, unit=unit), period=ask.period) for id, unit in units]
    source = (
        "sliced AS x JOIN message_consents AS m ON m.person = x.person AND m.campaign_id = x.campaign_id"
        " AND m.connection = x.connection AND m.last_sent_at = x.last_sent_at"
    )
    without = ", ".join(f"'{state}'" for state in consent.VIOLATIONS)
    keys = cut.grouping.removeprefix(", ")
    final = (
        f"SELECT COUNT(*) AS people, COALESCE(SUM(CASE WHEN x.state IN ({without}) THEN 0 ELSE 1 END), 0) AS covered"
        f"{cut.columns} FROM last_state AS x" + (f" GROUP BY {keys} ORDER BY {keys}" if keys else "")
    )
    last = consent.last_states(source, cut.columns, cut.grouping)
    rows = run(engine, join(*cut.texts, last, final), {**bounds(ask.period), **cut.params})
    sides = [(cut.by(row), {"yes": (n := int(row["covered"])), "no": int(row["people"]) - n}) for row in rows]
    # With or without a consent, and both: a share is told only where none of the three gives somebody away.
    cells = [({**by, "side": name}, n) for by, side in sides for name, n in (*side.items(), ("both", sum(side.values())))]
    hide = hidden(cells, cut.attribute, ask) if cut.attribute else frozenset()
    few: frozenset[str] = frozenset()
    if ask.by == ("msg",):  # consent_violations tells the number of all messages: no single one may be left over
        few = rules.hidden({by["msg"]: side["no"] for by, side in sides}, ask.suppress_n)
    out = []
    for by, side in sides:
        covered, people = side["yes"], sum(side.values())
        is_few = by.get("msg") in few or (cut.attribute and by[cut.attribute] in hide)
        if is_few or rules.hidden(side, ask.suppress_n):
            pair = [rules.suppressed(ids[0], ask, by, unit="share"), rules.suppressed(ids[1], ask, by, unit="count")]
        else:
            pair = [
                rules.share(ids[0], covered, people, ask, by),
                Estimate(ids[1], people - covered, n=people, unit="count", by=by),
            ]
        out += [replace(estimate, period=ask.period) for estimate in pair]
    return out


METRICS: Sequence[Metric] = (
    Metric(
        "consent_coverage",
        "Recipients with recorded consent",
        "The share of the people mailed in the period whose last message stood on a consent that was recorded by then and not "
        "withdrawn, or on another basis; beside it the number for whom it did not (sends_without_consent). It is consent_basis "
        "in two halves.",
        "recipients whose last message stood on a recorded basis ÷ recipients",
        "share",
        consent_coverage,
        number="140",
        dimensions=SLICES,
        edge_cases="By msg, what was sent without one is the sum of that message's rows of consent_violations. In a slice the "
        "last message of the slice counts. Withdrawn, expired, pending, recorded later and none are no basis; how each is told "
        "stands at consent_basis. Receipts, text messages and the question for an opt-in are left out. No recipients: null, "
        "no_denominator; no system tells of consents: null, no_consents. Fewer than suppress_n with or without one are hidden, "
        "and with them the share and as many groups as it takes.",
        data=consent.DATA,
    ),
)
