"""Attribution models of the user's own, from numbers or one expression in the settings.

An expression is written like Python over a journey's columns, `2 ** (-age_days / 3) if channel == "email" else 1`. Only what
stands in the lists below may be in it; it becomes SQL part by part, so that nothing else can reach the engine.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from persync.attribution.models import AttributionModel
from persync.errors import ConfigError, nearest

if TYPE_CHECKING:
    from persync.engine.engine import Engine

COLUMNS: Final = (
    *("position", "length", "age_days", "channel", "channel_touches", "channels", "action"),
    *("is_direct", "is_last_non_direct", "is_email", "channel_first"),
    *("is_lead", "is_opportunity", "has_lead", "has_opportunity", "lead_position", "opportunity_position"),
)
"""The columns of a journey that an expression may name."""
FUNCTIONS: Final = {"exp": (1, 1), "sqrt": (1, 1), "abs": (1, 1), "floor": (1, 1), "min": (2, 9), "max": (2, 9)}
"""The functions an expression may call, with the fewest and most numbers each takes."""
LONGEST: Final = 500
_NAMED: Final = re.compile(r"j\.channel (?:=|<>) '((?:[^']|'')*)'")
_SQL: Final = {"min": "LEAST", "max": "GREATEST"}
_ARITHMETIC: Final[dict[type[ast.operator], str]] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_COMPARED: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "=",
    ast.NotEq: "<>",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_HINT: Final = "Write it with numbers, + - * / **, comparisons, and, or, not, A if B else C, the columns and "


def by_position(name: str, first: Sequence[float], last: Sequence[float], rest: float, summary: str = "") -> AttributionModel:
    """Return a model of shares from either end; `rest` is shared equally by the touches between.

    In a journey that is too short for all of them a touch takes every share that falls on it, and they grow in proportion.
    """
    _positive(name, [*first, *last, rest])
    own = [f"CASE WHEN j.position = {place} THEN {_number(share)} ELSE 0e0 END" for place, share in enumerate(first, 1)]
    own += [f"CASE WHEN j.length - j.position = {place} THEN {_number(share)} ELSE 0e0 END" for place, share in enumerate(last)]
    between = len(first) + len(last)
    # The touches between are so many, not one: multiplied by their number all weights stay as round as the shares.
    many = f"CASE WHEN j.length > {between} THEN CAST(j.length - {between} AS DOUBLE) ELSE 1e0 END"
    apart = f"j.position > {len(first)} AND j.length - j.position >= {len(last)}"
    weight = f"CASE WHEN {apart} THEN {_number(rest)} ELSE ({' + '.join(own) or '0e0'}) * {many} END"
    shares = f"{list(first)} from the first, {list(last)} to the last, {rest:g} shared by those between"
    return AttributionModel(name, summary or f"Shares by position: {shares}.", weight)


def by_channel(name: str, channels: Mapping[str, float], other: float, summary: str = "") -> AttributionModel:
    """Return a model in which every touch weighs what its channel does, `other` where the channel is not named."""
    _positive(name, [*channels.values(), other])
    cases = " ".join(f"WHEN j.channel = {_text(channel)} THEN {_number(share)}" for channel, share in channels.items())
    weight = f"CASE {cases} ELSE {_number(other)} END" if cases else _number(other)
    told = ", ".join(f"{channel} {share:g}" for channel, share in channels.items())
    return AttributionModel(name, summary or f"Weights by channel: {told}; any other {other:g}.", weight)


def by_expression(name: str, expression: str, summary: str = "") -> AttributionModel:
    """Return a model that weighs by an expression. Raise ConfigError for anything in it that is not allowed."""
    try:
        if len(expression) > LONGEST:
            raise ConfigError(f"an expression has at most {LONGEST} signs.")
        tree = ast.parse(expression.strip(), mode="eval").body
        weight = f"CAST({_value(tree)} AS DOUBLE)"
    except ConfigError as error:
        hint = error.hint or f"{_HINT}{', '.join(FUNCTIONS)}."
        raise ConfigError(f"the weights '{name}': {error.what}", hint=hint) from None
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        raise ConfigError(
            f"the weights '{name}': {expression[:60]!r} cannot be read.", hint=f"{_HINT}{', '.join(FUNCTIONS)}."
        ) from None
    return AttributionModel(name, summary or f"Weight of a touch: {' '.join(expression.split())}.", weight)


def unseen_channels(engine: Engine, models: Sequence[AttributionModel]) -> list[str]:
    """Return a sentence for each channel that a model names and nothing in the store has: most often it is misspelt."""
    named = [(model.name, text.replace("''", "'")) for model in models for text in _NAMED.findall(model.weight)]
    if not named:
        return []
    known = {str(row["text"]) for row in engine.rows("SELECT w.text FROM words AS w WHERE w.text <> ''")}
    return [
        f"the weights '{name}' name the channel '{channel}', which no touch has. {nearest(channel, sorted(known))}".strip()
        for name, channel in dict.fromkeys(named)
        if channel not in known
    ]


def with_settings(
    known: Mapping[str, AttributionModel], own: Sequence[AttributionModel], half_life_days: float | None = None
) -> dict[str, AttributionModel]:
    """Return the known models and the user's own by name, with the half-life set where a model has one.

    Raise ConfigError for a name that is taken.
    """
    models = {
        name: replace(model, params={**model.params, "half_life_days": half_life_days})
        if half_life_days is not None and "half_life_days" in model.params
        else model
        for name, model in known.items()
    }
    for model in own:
        if model.name in models:
            raise ConfigError(f"there is a model '{model.name}' already.", hint="Give the weights another name.")
        models[model.name] = model
    return models


def _positive(name: str, shares: Sequence[float]) -> None:
    if any(not math.isfinite(share) or share < 0 for share in shares) or not any(shares):
        raise ConfigError(f"the weights '{name}' must be numbers of 0 or more, and not all 0.")


def _number(value: float) -> str:
    return f"{float(value)!r}" if "e" in repr(float(value)) else f"{float(value)!r}e0"


def _text(value: str) -> str:
    if not value.isprintable() or "\\" in value:
        raise ConfigError("a channel's name has a sign in it that no channel has.")
    return "'" + value.replace("'", "''") + "'"


def _value(node: ast.expr) -> str:
    """Return SQL for a number."""
    match node:
        case ast.Constant(value=bool()):
            raise ConfigError("True and False are no weights.")
        case ast.Constant(value=int() | float() as number) if math.isfinite(number):
            return _number(number)
        case ast.Name(id="channel"):
            raise ConfigError("'channel' is a text: compare it with == or !=.")
        case ast.Name(id=name):
            return f"j.{_column(name)}"
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return f"(-{_value(inner)})"
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return f"({_value(left)} / NULLIF(CAST({_value(right)} AS DOUBLE), 0e0))"
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return f"POWER({_value(left)}, {_value(right)})"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return f"({_value(left)} {_ARITHMETIC[type(op)]} {_value(right)})"
        case ast.IfExp(test=test, body=body, orelse=other):
            return f"CASE WHEN {_condition(test)} THEN {_value(body)} ELSE {_value(other)} END"
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return _call(name, args)
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            return f"CASE WHEN {_condition(node)} THEN 1e0 ELSE 0e0 END"
    raise ConfigError(f"{ast.unparse(node)[:40]!r} is not allowed in an expression.")


def _condition(node: ast.expr) -> str:
    """Return SQL for what is true or not; a number is true unless it is 0."""
    match node:
        case ast.BoolOp(op=op, values=values):
            return "(" + (" AND " if isinstance(op, ast.And) else " OR ").join(_condition(each) for each in values) + ")"
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return f"(NOT {_condition(inner)})"
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            sign = _COMPARED[type(op)]
            for one, two in ((left, right), (right, left)):
                if isinstance(one, ast.Name) and one.id == "channel" and sign in ("=", "<>"):
                    if isinstance(two, ast.Constant) and isinstance(two.value, str):
                        return f"(j.channel {sign} {_text(two.value)})"
                    raise ConfigError("'channel' can only be compared with a text in quotes.")
            return f"({_value(left)} {sign} {_value(right)})"
        case ast.Compare(ops=[_, _, *_]):
            raise ConfigError("write A < B and B < C for A < B < C.")
    return f"({_value(node)} <> 0e0)"


def _call(name: str, args: Sequence[ast.expr]) -> str:
    if name not in FUNCTIONS:
        raise ConfigError(f"there is no function '{name}' in an expression.", hint=nearest(name, list(FUNCTIONS)))
    fewest, most = FUNCTIONS[name]
    if not fewest <= len(args) <= most:
        raise ConfigError(f"'{name}' takes {'one number' if most == 1 else f'{fewest} to {most} numbers'}.")
    values = [f"CAST({_value(each)} AS DOUBLE)" for each in args]
    return f"{_SQL.get(name, name.upper())}({', '.join(values)})"


def _column(name: str) -> str:
    if name not in COLUMNS:
        raise ConfigError(f"a touch has no '{name}'.", hint=nearest(name, list(COLUMNS)))
    return name
