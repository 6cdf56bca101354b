"""How to read all this: settings, models, definitions, and what cannot be known."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Literal

from persync import __version__
from persync.attribution.basis import basis_of
from persync.attribution.journeys import windows
from persync.measure import experiments
from persync.measure.metric import Ask
from persync.report import words
from persync.report.report import Block, Cell, Column, Inputs, Note, Section, Table

UNKNOWABLE = (
    "What a message caused is known only where people were drawn by lot. Everything labelled 'raw difference' or 'credited'"
    " says what came together, not what came because.",
    "An open says that a picture was loaded, often by a machine; a click on every link within seconds is a scanner's. Both are"
    " kept and left out of headline numbers.",
    "Orders without a known buyer, and buyers who use another address, cannot be joined to a message; their revenue is in the"
    " totals and credited to no touchpoint.",
    "A message whose content could not be read has no level: it is 'unknown', never generic.",
)


def build_method(inputs: Inputs) -> Sequence[Block]:
    """Return the settings, the models, the definitions and the limits."""
    blocks: list[Block] = [Note(text, "info", "Cannot be known" if not i else "") for i, text in enumerate(UNKNOWABLE)]
    blocks.append(_settings(inputs))
    if inputs.models:
        blocks.append(_models(inputs))
    blocks += definitions(inputs)
    return blocks


SHOWN = "small groups are shown"


def _hidden_below(ask: Ask) -> str:
    if ask.suppress_n <= 1:
        return f"nobody: {SHOWN}"
    return words.plural(ask.suppress_n, "person", "people") + (f": {SHOWN}" if ask.small_groups else "")


def _settings(inputs: Inputs) -> Table:
    ask = inputs.ask
    connections = inputs.project.get("connections") or {}
    rows: list[tuple[Cell, ...]] = [
        ("Period", words.period(ask.period, ask.timezone)),
        ("Time zone", ask.timezone),
        ("Revenue", "net: products and adjustments" if ask.basis == "net" else "gross: all parts, tax and shipping included"),
        *_journey(ask),
        (
            "Margin",
            words.share(ask.margin)
            if ask.margin is not None
            else "not set: that of the unit costs known, else gains are revenue",
        ),
        ("Interval", f"{words.number(ask.confidence * 100)} %"),
        ("Hidden below", _hidden_below(ask)),
        ("Too few to say below", words.plural(ask.report_n, "person", "people")),
    ]
    for name, connector in sorted(connections.items()):
        rows.append((f"Connection {name}", str(connector)))
    for experiment in experiments.known(inputs.engine, ask).values():
        within = experiments.window(experiment)
        drawn = "holdout" if experiment.holdout else "randomised"
        control = f"control '{experiment.control}'" if experiment.control else "no control named: every pair is read"
        open_end = within is not None and experiment.days is None
        when = (
            "all orders count"
            if within is None
            else f"orders from {words.day(within[0], ask.timezone)} on"
            if open_end
            else f"orders of {words.period(within, ask.timezone)}"
        )
        rows.append((f"Experiment {experiment.name}", f"{drawn}, {control}, {when}"))
    rows += [("persync", __version__), ("Python", platform.python_version())]
    return Table("settings", "Settings", (Column("setting", "Setting"), Column("value", "Value")), tuple(rows))


def _journey(ask: Ask) -> list[tuple[Cell, ...]]:
    """Say which touches count, how long before an order, from where on a path begins, and on which money credit is given."""
    days = windows(ask)
    lengths = sorted(set(days.values()), reverse=True)
    if len(lengths) == 1:
        back = f"{words.number(lengths[0])} days before the order"
    else:
        parts = (f"{words.listing([k for k in days if days[k] == one])} {words.number(one)} days" for one in lengths)
        back = f"{', '.join(parts)} before the order"
    since = ask.path == "since_last_order"
    basis = {"net": "net", "gross": "gross", "margin": "margin: net less what the goods cost"}[basis_of(ask)]
    accrual = ask.reporting == "accrual"
    return [
        ("Touchpoints that count", words.listing(list(days))),
        ("Look-back of a journey", back),
        (
            "Path of a journey",
            "since the last order of another day" if since else "the whole look-back, over earlier orders too",
        ),
        ("Money credited", basis),
        ("Credit is dated by", "the touchpoint that has it" if accrual else "the sale or refund"),
        ("Fitted models from", f"{ask.min_conversions:,} orders on"),
    ]


def _models(inputs: Inputs) -> Table:
    columns = (Column("model", "Model"), Column("rule", "Rule"), Column("sums", "Adds up"))
    rows = tuple(
        (model.name, model.summary, "to each order's revenue" if model.sums_to == "order" else "to nothing: never in totals")
        for model in inputs.models
    )
    return Table("models", "Attribution models: rules for sharing out credit", columns, rows)


def definitions(inputs: Inputs) -> list[Note]:
    """Return what every metric means: to be looked up, or, for who checks the report, to be read in every form of it."""
    notes = []
    tone: Literal["definition", "glossary"] = "definition" if inputs.profile == "audit" else "glossary"
    for metric in inputs.metrics.values():
        parts = [metric.definition, f"Formula: {metric.formula}." if metric.formula else "", metric.edge_cases]
        notes.append(Note(" ".join(part for part in parts if part), tone, metric.title))
    return notes


SECTION = Section("method", "How this was worked out", build_method, order=900)
