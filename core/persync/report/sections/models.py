"""How far credit hangs on the model that gives it, and how far each model is from what a holdout measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.attribution import stability
from persync.attribution.calibrate import Against, against, calibrated
from persync.attribution.datadriven import UP_TO_NOW, Fitted, prepared
from persync.attribution.fits import sentence
from persync.attribution.models import AttributionModel
from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure.lifts import with_lift
from persync.report import charts, words
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table
from persync.report.sections.credit import EMAIL, title

TRIED: Final = ("last_touch", "linear", "time_decay")
"""the models that are tried on other settings: more would say the same at more cost"""
SCALED: Final = "linear"
"""the model that is shown calibrated: the plainest, and fixed, for to choose it by what the holdout says would fit it twice"""


def build_models(inputs: Inputs) -> Sequence[Block]:
    """Return how channels stand across models, how far each model is from a holdout, and what other settings would say."""
    ask = with_lift(inputs.engine, inputs.ask)
    asked = [model for model in inputs.models if model.sums_to == "order" and not model.is_calibrated]
    if not asked:
        raise DataError("no attribution model is installed that adds up to the orders.")
    wanted = [*asked, *(calibrated(model) for model in asked if model.name == SCALED)]
    ready = prepared(inputs.engine, wanted, ask)
    found = stability.shares(inputs.engine, ready, ask)
    ranked = stability.standings(found)
    if not ranked:
        raise DataError(f"models cannot be compared: {words.reason(found[0].reason if found else 'no_orders')}.")
    usable = [model for model in ready if not model.reason]
    return [
        *_verdicts(ranked, len(usable)),
        *_compared(ranked, len(usable)),
        *_held(against(inputs.engine, usable, ask)),
        *_settings(stability.sensitivity(inputs.engine, [model for model in asked if model.name in TRIED], ask)),
        *_unheld(usable),
        *(Note(f"Not compared: {title(model.name)} ({words.reason(model.reason)}).") for model in ready if model.reason),
        *_fits(usable),
        *_rules(),
    ]


def _channel(name: str) -> str:
    return "e-mail" if name == EMAIL else name.replace("_", " ")


def _verdicts(ranked: Sequence[stability.Standing], models: int) -> list[Note]:
    moving = [_channel(one.channel) for one in ranked if one.verdict == stability.DEPENDS]
    still = [_channel(one.channel) for one in ranked if one.verdict == stability.ROBUST]
    said = []
    if moving:
        said.append(f"Where {words.listing(moving)} {'stands' if len(moving) == 1 else 'stand'} depends on the model.")
    if still:
        said.append(f"The rank of {words.listing(still)} is robust: it moves by one place at most across {models} models.")
    return [Note(" ".join(said), "answer", "Does the answer depend on the model?")]


def _compared(ranked: Sequence[stability.Standing], models: int) -> list[Block]:
    """Return the table of standings and each channel's spread, from its least share to its greatest, as a figure."""
    table = _standings(ranked, models)
    rows = []
    for one in ranked:
        least, greatest = 100 * float(one.least.value or 0), 100 * float(one.greatest.value or 0)
        rows.append({"name": _channel(one.channel), "value": (least + greatest) / 2, "low": least, "high": greatest})
    said = "; ".join(
        f"{_channel(one.channel)}: {words.value(one.least)} by {title(one.least.by['model'])} to {words.value(one.greatest)} by"
        f" {title(one.greatest.by['model'])}"
        for one in ranked
    )
    caption = "From the least to the greatest share of revenue that any model gives a channel; the dot is half-way"
    spec = charts.intervals(rows, unit="% of revenue")
    return [table, Figure("model_spread", caption, f"Share of revenue by channel. {said}.", spec, table)]


def _standings(ranked: Sequence[stability.Standing], models: int) -> Table:
    columns = (
        Column("channel", "Channel"),
        Column("ranks", "Rank", note="Best and worst place by credit across models; 1 has the most."),
        Column("least", "Least share", "share", "Of the period's revenue, with the interval of a bootstrap by customer."),
        Column("least_model", "by"),
        Column("greatest", "Greatest share", "share"),
        Column("greatest_model", "by"),
        Column("verdict", "Verdict"),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            _channel(one.channel),
            str(one.best) if one.best == one.worst else f"{one.best}\u00a0to\u00a0{one.worst}",
            one.least,
            title(one.least.by["model"]),
            one.greatest,
            title(one.greatest.by["model"]),
            one.verdict,
        )
        for one in ranked
    ]
    return Table("model_comparison", f"How each channel stands across {words.plural(models, 'model')}", columns, tuple(rows))


def _held(told: Sequence[Against]) -> list[Block]:
    """Return the table of distances from the holdout, with a sentence on the nearest and the farthest; or why there is none."""
    shown = [one for one in told if one.share.value is not None]
    if not shown:
        why = words.reason(told[0].share.reason if told else None)
        return [Note(f"No model can be held against a holdout: {why}.", "info")]
    caused = shown[0].caused
    columns = (
        Column("model", "Model"),
        Column("credited", "E-mail credited", "money", "In the orders that the treated people placed in the holdout's days."),
        Column("distance", "Above what was caused", "money"),
        Column("share", "Caused ÷ credited", "share", "The interval is the holdout's and the credit's together."),
    )
    rows: list[tuple[Cell, ...]] = []
    for one in shown:
        rows.append((_title(one.model), one.credited, _distance(one), one.share))
    plain = [one for one in shown if not one.model.endswith("_calibrated")]
    far = max(plain, key=lambda one: abs(_off(one)))
    near = min(plain, key=lambda one: abs(_off(one)))
    text = (
        f"The holdout '{shown[0].share.by['experiment']}' says that e-mail brought in {words.sentence(caused)}. In the same"
        f" people's orders of the same days {title(near.model)} credits e-mail with {words.value(near.credited)}, the nearest,"
        f" and {title(far.model)} with {words.value(far.credited)}, the farthest."
    )
    return [
        Note(text, "answer", "How far is each model from the holdout?"),
        Table("held_against_holdout", "Each model's credit to e-mail beside what the holdout measured", columns, tuple(rows)),
    ]


def _title(model: str) -> str:
    return f"{title(model.removesuffix('_calibrated'))}, calibrated" if model.endswith("_calibrated") else title(model)


def _off(one: Against) -> float:
    return float(one.credited.value or 0.0) - float(one.caused.value or 0.0)


def _distance(one: Against) -> Estimate:
    """Return credited less caused, with the holdout's interval turned round."""
    low, high = one.caused.low, one.caused.high
    credit = float(one.credited.value or 0.0)
    return replace(
        one.caused,
        id="credit_difference",
        value=_off(one),
        low=None if high is None else credit - high,
        high=None if low is None else credit - low,
        p=None,
        by=one.credited.by,
        note="",
    )


def _settings(found: Sequence[Estimate]) -> list[Block]:
    """Return e-mail's share under other settings: a row a model, a column a setting."""
    settings = list(dict.fromkeys(e.by["setting"] for e in found))
    models = list(dict.fromkeys(e.by["model"] for e in found))
    if not any(e.value for e in found):
        return []
    cells = {(e.by["model"], e.by["setting"]): e for e in found}
    columns = (Column("model", "Model"), *(Column(f"setting_{i}", name, "share") for i, name in enumerate(settings)))
    rows: list[tuple[Cell, ...]] = [(title(model), *(cells[model, name] for name in settings)) for model in models]
    return [
        Table("credit_settings", "E-mail's share of the revenue, had touchpoints been counted otherwise", columns, tuple(rows))
    ]


def _unheld(models: Sequence[AttributionModel]) -> list[Note]:
    fits: list[Fitted] = [model.fitted for model in models if model.fitted is not None]
    names = [_channel(name) for name in dict.fromkeys(name for fitted in fits for name in fitted.unheld)]
    if not names:
        return []
    fitted = words.listing([title(model.name) for model in models if model.fitted is not None and not model.is_calibrated])
    return [
        Note(
            f"{words.listing(names).capitalize()} {'is' if len(names) == 1 else 'are'} known from orders alone, as where a shop"
            f" tells only the visits of those who buy. Nothing that came to nothing is held against"
            f" {'it' if len(names) == 1 else 'them'}, so {fitted} overstate{'s' if len(fits) == 1 else ''}"
            f" {'it' if len(names) == 1 else 'them'} and understate{'s' if len(fits) == 1 else ''} e-mail.",
            "warning",
        )
    ]


def _fits(models: Sequence[AttributionModel]) -> list[Note]:
    """Return what each fit found: the order of a chain, signed values, a half-life."""
    said = []
    for model in models:
        found = "" if model.is_calibrated else sentence(model)
        if found:
            note = f"; {model.fitted.note}" if model.fitted.note else ""
            said.append(f"{title(model.name)}: {found}{note}.")
    text = " ".join([*said, f"They learn from {UP_TO_NOW}."])
    return [Note(text, "definition", "What the fits found")] if said else []


def _rules() -> list[Note]:
    return [
        Note(
            "Customers are drawn again and again with weights made from a stored hash, and each model's shares are worked out"
            " anew: the interval holds the middle 95 %. For fitted models their strengths stay as they were fitted; for a"
            " calibrated one what e-mail keeps is drawn too, as unsure as the holdout is. A channel's place is robust when it"
            " moves by one at most across models.",
            "definition",
            "How sure a share is",
        ),
        Note(
            "The part of e-mail's credit that a holdout says was caused, between nothing and all of it, is left with e-mail by"
            " a calibrated model; the rest of each e-mail touchpoint's weight stands as what would have come anyway. It is as"
            " sure as the holdout is. Other channels keep their credit, since no holdout speaks of them.",
            "definition",
            "What calibrated means",
        ),
    ]


SECTION = Section("models", "Do the models agree?", build_models, order=420)
