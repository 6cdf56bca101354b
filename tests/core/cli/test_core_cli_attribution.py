"""`persync attribution`: several models and levels, basis, currency and dates, in a table that fits a terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from core.cli.calls import Run, said

ORDERS = """order,person,at,amount,currency
1,a,2025-03-10,80.01,EUR
2,b,2025-03-11,20.00,EUR
1,a,2025-04-20,-30.00,EUR
"""
TOUCHES = """person,at,channel
a,2025-02-20,email
a,2025-03-08,paid_search
a,2025-03-09,email
"""


@pytest.fixture
def shop(persync: Run, tmp_path: Path) -> Run:
    """Two orders, a refund and three touches."""
    for kind, text in (("orders", ORDERS), ("touchpoints", TOUCHES)):
        (tmp_path / f"{kind}.csv").write_text(text)
        assert persync("import", kind, str(tmp_path / f"{kind}.csv")).exit_code == 0
    return persync


def answer(shop: Run, *arguments: str) -> dict[str, Any]:
    """Return the JSON answer."""
    found: dict[str, Any] = json.loads(shop("attribution", "--models", "linear", *arguments, "--format", "json").stdout)
    return found


def test_the_table_fits_a_terminal_and_adds_up(shop: Run) -> None:
    """Every model in eighty columns; what no touch earned stands last but the sum."""
    lines = shop("attribution", "--models", "all").stdout.splitlines()

    assert max(map(len, lines)) <= 80
    assert lines[0] == "Net revenue, EUR, dated by the day of the sale or refund. Credited, not caused."
    table = shop("attribution", "--models", "linear,last_touch").stdout.splitlines()[2:]
    assert [line.split() for line in table] == [
        ["channel", "linear", "last_touch"],
        ["email", "33.34", "50.01"],
        ["paid_search", "16.67", "0.00"],
        ["(none)", "20.00", "20.00"],
        ["all", "70.01", "70.01"],
    ]


def test_one_model_alone_stands_beside_its_interval(shop: Run, tmp_path: Path) -> None:
    """Of what is not tiny; the answer of several models names where to find theirs, and the machine form has all."""
    orders = "".join(f"{number},p{number},2025-03-11,{number}.00,EUR\n" for number in range(10, 60))
    touches = "".join(f"p{number},2025-03-09,{'email' if number < 55 else 'sms'}\n" for number in range(10, 60))
    (tmp_path / "orders.csv").write_text("order,person,at,amount,currency\n" + orders)
    (tmp_path / "touchpoints.csv").write_text("person,at,channel\n" + touches)
    for kind in ("orders", "touchpoints"):
        assert shop("import", kind, str(tmp_path / f"{kind}.csv")).exit_code == 0

    lines = shop("attribution", "--models", "linear").stdout.splitlines()
    many = shop("attribution", "--models", "linear,last_touch").stdout.splitlines()
    found = {one["by"]["channel"]: one for one in answer(shop)["results"]}

    heads, mail, sms, *_ = (line.split() for line in lines[2:])
    assert heads == ["channel", "linear", "95", "%"]
    assert mail == ["email", "1,473.34", f"{found['email']['low']:,.2f}", "to", f"{found['email']['high']:,.2f}"]
    assert sms == ["sms", "285.00"]
    assert found["email"]["low"] < 1_473.34 < found["email"]["high"]
    assert [found["sms"]["low"], found["sms"]["high"]] == [None, None]
    assert max(map(len, [*lines, *many])) <= 80
    assert many[-1] == "The 95 % intervals are in --format json, and in the table of one model alone."


def test_levels_may_be_several_and_the_answer_says_on_what_it_is(shop: Run) -> None:
    """The machine form names basis, dates and currency beside the period."""
    found = answer(shop, "--by", "channel,store", "--by", "customer")

    assert {key: found[key] for key in ("kind", "period", "basis", "reporting", "currency")} == {
        "kind": "estimates",
        "period": None,
        "basis": "net",
        "reporting": "cash",
        "currency": "EUR",
    }
    assert [(one["id"], one["by"], one["value"]) for one in found["results"]] == [
        ("credit", {"model": "linear", "channel": "email", "store": "files", "customer": "new"}, 33.34),
        ("credit", {"model": "linear", "channel": "(none)", "store": "(none)", "customer": "(none)"}, 20.0),
        ("credit", {"model": "linear", "channel": "paid_search", "store": "files", "customer": "new"}, 16.67),
    ]


def test_credit_is_dated_by_the_sale_or_by_the_touch(shop: Run) -> None:
    """In March the sale counts whole, and its refund in April; by the touch, February and March share what is left."""

    def total(reporting: str, month: str) -> float:
        found = answer(shop, "--reporting", reporting, "--period", month)["results"]
        return round(sum(one["value"] or 0 for one in found), 2)

    months = ("2025-02", "2025-03", "2025-04")
    assert [total("cash", month) for month in months] == [0, 100.01, -30.0]
    assert [total("accrual", month) for month in months] == [16.67, 53.34, 0]


def test_margin_says_what_it_rests_on(shop: Run, tmp_path: Path) -> None:
    """Without unit costs and setting there is none; with the setting it is that share."""
    without = shop("attribution", "--models", "linear", "--basis", "margin").stdout
    (tmp_path / "persync.toml").write_text('[report]\nmargin = 0.4\n[attribution]\nbasis = "margin"\n')
    found = answer(shop)
    text = shop("attribution", "--models", "linear").stdout.splitlines()

    assert without.splitlines()[0].startswith("linear: not known: no cost of the goods is known")
    assert found["basis"] == "margin"
    assert {one["by"]["channel"]: one["value"] for one in found["results"] if one["id"] == "credit"} == {
        "email": 13.33,
        "(none)": 8.0,
        "paid_search": 6.67,
    }
    assert [one["value"] for one in found["results"] if one["id"] == "cost_coverage"] == [0.0, 1.0, 0.0]
    assert text[-1] == "The costs of 0.0 % of net revenue are known; for 100.0 % the margin of persync.toml stands in."


def test_currencies_are_turned_into_the_asked_one_or_refused(shop: Run, tmp_path: Path) -> None:
    """By option or by the toml; what is no currency is refused."""
    (tmp_path / "more.csv").write_text("order,person,at,amount,currency\n9,b,2025-03-11,109.12,USD\n")
    assert shop("import", "orders", str(tmp_path / "more.csv")).exit_code == 0

    line = said(shop("attribution"), 1)
    option = answer(shop, "--currency", "eur")
    (tmp_path / "persync.toml").write_text('[attribution]\ncurrency = "EUR"\n')

    assert line.startswith(
        "the orders are in 2 currencies (EUR, USD), which cannot be added. Name the currency to turn them into"
    )
    assert sum(one["value"] for one in option["results"]) == pytest.approx(170.01)
    assert answer(shop) == option
    assert said(shop("attribution", "--currency", "euros"), 2) == "'euros' is not a currency. Write its three letters: EUR."


def test_costs_are_asked_for_with_the_credit(shop: Run, tmp_path: Path) -> None:
    """Null with the reason until there are any; then a line a model."""
    assert [one["reason"] for one in answer(shop, "--cost")["results"] if one["id"] == "roas"] == ["no_cost"]
    (tmp_path / "costs.csv").write_text("date,category,amount,currency\n2025-03-01,tool,10.00,EUR\n")
    assert shop("import", "costs", str(tmp_path / "costs.csv")).exit_code == 0

    text = shop("attribution", "--models", "linear", "--cost").stdout.splitlines()

    assert text[-2].split() == ["linear", "email", "3.33", "×", "−3.20", "to", "9.87", "233.4", "%", "15.00", "EUR"]
    assert text[-1] == "Gain is net revenue: no margin is known; too few to say."


@pytest.mark.parametrize("days", ["nan", "inf", "1e308", "0", "-1", "soon"])
@pytest.mark.parametrize("command", [("attribution",), ("explain", "order", "1")])
@pytest.mark.parametrize("option", ["--lookback", "--half-life"])
def test_days_that_are_none_are_refused_and_the_option_named(shop: Run, command: Any, option: str, days: str) -> None:
    done = shop(*command, option, days)

    assert done.exit_code == 2
    assert f"Invalid value for '{option}': '{days}' is not a number of days above 0 and below 100,000." in done.stderr


@pytest.mark.parametrize("place", ["[report]\nlookback_days", "[attribution]\nhalf_life_days", "[attribution.windows]\nclick"])
@pytest.mark.parametrize("days", ["nan", "inf", "1e308"])
def test_days_that_are_none_are_refused_in_the_toml(shop: Run, tmp_path: Path, place: str, days: str) -> None:
    (tmp_path / "persync.toml").write_text(f"{place} = {days}\n")

    assert place.rpartition("\n")[2] in said(shop("attribution", "--models", "linear"), 2)


def test_a_channel_that_no_touch_has_is_said(shop: Run, tmp_path: Path) -> None:
    """All money goes to nobody when it is misspelt: the warning says by what."""
    (tmp_path / "persync.toml").write_text("[attribution.weights.mine]\nchannels = { emial = 1.0 }\n")
    done = shop("attribution", "--models", "mine,linear")
    (tmp_path / "persync.toml").write_text("[attribution.weights.mine]\nexpression = \"1 if channel == 'email' else 0\"\n")
    right = shop("attribution", "--models", "mine,linear")

    assert done.exit_code == 0
    assert done.stderr == "persync: the weights 'mine' name the channel 'emial', which no touch has. Did you mean 'email'?\n"
    assert right.stderr == ""


def test_an_explained_order_says_only_of_what_is_more_that_it_is_more(shop: Run) -> None:
    """The second buyer did nothing: no model gives anybody anything."""
    several = shop("explain", "order", "1", "--models", "linear,any_click").stdout.splitlines()
    nobody = shop("explain", "order", "2", "--models", "linear,any_click").stdout.splitlines()

    assert "any_click adds to more." in several[-1]
    assert nobody[-1] == "Every model but any_click adds up to 20.00 EUR. Credited, not caused."


def test_an_engine_or_model_that_there_is_not_is_refused(shop: Run) -> None:
    """With the nearest."""
    assert "linear" in said(shop("attribution", "--models", "liner"), 2)
    assert said(shop("attribution", "--engine", "duckdbs"), 2)
    assert "channel" in said(shop("attribution", "--by", "chanel"), 2)


STRANGE = """
from persync import hookimpl
from persync.attribution import AttributionModel


def fit(inputs):
    raise ZeroDivisionError("a@example.com")


@hookimpl
def persync_attribution_models():
    yield AttributionModel("even_odd", "Every second touch.", "CASE WHEN MOD(j.position, 2) = 1 THEN 1e0 ELSE 0e0 END")
    yield AttributionModel("no_column", "Asks for a column that there is not.", "j.no_such_column")
    yield AttributionModel("no_number", "Turns a word into a number.", "CAST(j.channel AS DOUBLE)")
    yield AttributionModel("below", "Less than nothing.", "1e0 - j.position")
    yield AttributionModel("half_set", "Forgets a parameter.", ":size * 1e0")
    yield AttributionModel("order_id", "Takes the name of a column.", "1e0")
    yield AttributionModel("unfit", "Raises while it is fitted.", needs="transitions", fit=fit)
"""


@pytest.fixture
def strange(shop: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The shop, with a stranger's plugin of one good model and six that cannot be worked out."""
    info = tmp_path / "site" / "persync_strange-0.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: persync-strange\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[persync]\nstrange = strange_models\n")
    (tmp_path / "site" / "strange_models.py").write_text(STRANGE)
    (tmp_path / "unsold.csv").write_text("person,at,channel\nc,2025-02-20,email\n")
    assert shop("import", "touchpoints", str(tmp_path / "unsold.csv")).exit_code == 0
    (tmp_path / "persync.toml").write_text("[attribution]\nmin_conversions = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return shop


def test_a_strangers_model_that_fails_is_named_with_its_plugin_and_the_others_go_on(strange: Run) -> None:
    """One line each on stderr; in the answer it is null with the reason, and the good ones are as they are without it."""
    broken = ("no_column", "no_number", "below", "half_set", "order_id", "unfit")

    done = strange("attribution", "--models", ",".join(("linear", *broken, "even_odd")), "--format", "json")

    assert done.exit_code == 0
    lines = done.stderr.splitlines()
    begins = "persync: the attribution model '{}' of the plugin 'strange' (persync-strange 0.3) cannot be used: "
    assert [line.startswith(begins.format(name)) for name, line in zip(broken, lines, strict=True)] == [True] * 6, lines
    words = ("no_such_column", "Could not convert", "negative or no number", ":size", "cannot be the name", "ZeroDivisionError")
    assert all(word in line for word, line in zip(words, lines, strict=True)), lines
    assert all(".. " not in line and re.search(r"[^ ]\. Update it, or go on", line) for line in lines), lines
    assert all(line.endswith("go on without it: --without strange.") for line in lines)
    assert "example.com" not in done.stderr
    found = [one for one in json.loads(done.stdout)["results"] if one["id"] == "credit"]
    assert {one["by"]["model"]: one["reason"] for one in found if one["value"] is None} == dict.fromkeys(broken, "model_failed")
    left = [one for one in found if one["by"]["model"] == "linear"]
    assert (
        left
        == json.loads(strange("attribution", "--models", "linear,even_odd", "--format", "json").stdout)["results"][: len(left)]
    )


def test_a_strangers_model_that_fails_alone_is_an_error_of_one_line(strange: Run) -> None:
    done, explained = strange("attribution", "--models", "no_column"), strange("explain", "order", "1", "--models", "no_column")

    assert said(done, 1).startswith("the attribution model 'no_column' of the plugin 'strange' (persync-strange 0.3) cannot be")
    assert len(said(explained, 1).splitlines()) == 1
    assert "no_such_column" in explained.stderr


def test_an_order_is_explained_by_the_models_that_work_and_the_other_is_named(strange: Run) -> None:
    done = strange("explain", "order", "1", "--models", "linear,below")

    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("persync: the attribution model 'below' of the plugin 'strange' (persync-strange 0.3)")
    assert "model failed" in done.stdout
