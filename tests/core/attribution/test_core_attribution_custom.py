"""Weights of one's own: what may be written, and what is refused."""

from __future__ import annotations

import pytest

from persync.attribution.custom import by_channel, by_expression, by_position, with_settings
from persync.attribution.models import MODELS
from persync.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("1", "CAST(1.0e0 AS DOUBLE)"),
        ("2 ** -age_days", "CAST(POWER(2.0e0, (-j.age_days)) AS DOUBLE)"),
        ("1 / (1 + age_days)", "CAST((1.0e0 / NULLIF(CAST((1.0e0 + j.age_days) AS DOUBLE), 0e0)) AS DOUBLE)"),
        (
            '3 if channel == "it\'s" and not is_direct else max(0.5, is_lead)',
            "CAST(CASE WHEN ((j.channel = 'it''s') AND (NOT (j.is_direct <> 0e0))) THEN 3.0e0"
            " ELSE GREATEST(CAST(0.5e0 AS DOUBLE), CAST(j.is_lead AS DOUBLE)) END AS DOUBLE)",
        ),
        ("position == length", "CAST(CASE WHEN (j.position = j.length) THEN 1e0 ELSE 0e0 END AS DOUBLE)"),
    ],
)
def test_an_expression_becomes_sql_part_by_part(text: str, sql: str) -> None:
    assert by_expression("own", text).weight == sql


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' cannot be read"),
        ("1 +", "'1 +' cannot be read"),
        ("agedays", "a touch has no 'agedays'. Did you mean 'age_days'?"),
        ("key_id", "a touch has no 'key_id'."),
        ("channel", "'channel' is a text: compare it with == or !=."),
        ("channel == 1", "'channel' can only be compared with a text in quotes."),
        ("channel < 'x'", "'channel' is a text"),
        ("channel == 'a\\\\b'", "a channel's name has a sign in it"),
        ("'x'", "\"'x'\" is not allowed"),
        ("True", "True and False are no weights."),
        ("exec('1')", "there is no function 'exec'"),
        ("exp(1, 2)", "'exp' takes one number."),
        ("max(1)", "'max' takes 2 to 9 numbers."),
        ("age_days.real", "'age_days.real' is not allowed"),
        ("(lambda: 1)()", "is not allowed"),
        ("[1][0]", "'[1][0]' is not allowed"),
        ("1 < age_days < 2", "write A < B and B < C"),
        ("1; DROP TABLE x", "cannot be read"),
        ("10 ** 5 if 1e999 else 1", "is not allowed"),
        ("1" + " + 1" * 200, "at most 500 signs"),
        ("9" * 400, "cannot be read"),
    ],
)
def test_what_is_not_on_the_list_is_refused_with_what_is(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        by_expression("own", text)
    assert str(caught.value).startswith("the weights 'own': ")
    assert message in str(caught.value)


def test_weights_are_not_negative_and_not_all_nothing() -> None:
    for make in (
        lambda: by_position("own", (-1.0,), (), 0.0),
        lambda: by_position("own", (0.0,), (), 0.0),
        lambda: by_channel("own", {"email": float("nan")}, 1.0),
    ):
        with pytest.raises(ConfigError, match="must be numbers of 0 or more, and not all 0"):
            make()


def test_own_models_stand_beside_the_known_and_the_half_life_is_theirs_that_have_one() -> None:
    known = {model.name: model for model in MODELS}
    own = by_channel("mail", {"email": 1}, 0)

    found = with_settings(known, (own,), 3.5)

    assert found["mail"] is own
    assert found["time_decay"].params == {"half_life_days": 3.5}
    assert {name: found[name] for name in known if name != "time_decay"} == {
        name: model for name, model in known.items() if name != "time_decay"
    }
    with pytest.raises(ConfigError, match="there is a model 'linear' already"):
        with_settings(known, (by_channel("linear", {"email": 1}, 0),))
