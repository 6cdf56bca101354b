"""The pictures of journeys, trust, doses and months to come: what they show is what the numbers say."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from persync.errors import DataError
from persync.estimate import HOLDOUT, RAW, Estimate
from persync.measure import forecast, frequency, funnel
from persync.measure import journeys as paths
from persync.measure.forecast import Course
from persync.measure.gain.holistic import ACQUISITION, DIRECT, Whole
from persync.report import charts
from persync.report.charts import Flow
from persync.report.charts.sankey import GAP
from persync.report.report import Block, Figure, Inputs, Note, Table
from persync.report.sections import journeys, outlook, restraint, returns, trust

FLOWS = (
    Flow(("mail",), 0.3),
    Flow(("search", "mail"), 0.2),
    Flow(("mail", "search", "mail"), 0.1),
    Flow(("other paths",), 0.4),
)


def layers(spec: Any) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return mark and rows of each layer."""
    return [(one["mark"]["type"], one["data"]["values"]) for one in spec["layer"]]


def figure(blocks: list[Block], name: str) -> Figure:
    """Return the figure of that name."""
    return next(block for block in blocks if isinstance(block, Figure) and block.name == name)


def test_what_flows_into_a_step_of_a_sankey_flows_out_of_it() -> None:
    """Ribbons between two steps add up to everything, and each bar is as high as what enters and what leaves it."""
    (_, ribbons), (_, bars), _ = layers(charts.sankey(FLOWS, end="order", rest="other paths"))
    ends: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for row in ribbons:
        ends[row["ribbon"]].append((row["x"], row["low"], row["high"]))

    for step in range(3):
        sizes = [points[0][2] - points[0][1] for name, points in ends.items() if name.startswith(f"{step} ")]
        assert sum(sizes) == pytest.approx(1.0)
    for points in ends.values():
        assert len({round(high - low, 5) for _, low, high in points}) == 1
    assert [(bar["name"], bar["x"], round(bar["high"] - bar["low"], 6)) for bar in bars] == [
        ("mail", 0, 0.4),
        ("search", 0, 0.2),
        ("other paths", 0, 0.4),
        ("mail", 1, 0.2),
        ("search", 1, 0.1),
        ("mail", 2, 0.1),
        ("order", 3, 1.0),
    ]


def test_no_two_ribbons_or_bars_of_a_step_lie_over_one_another() -> None:
    """Where ribbons begin and end they are stacked, also past the bars of paths that go on."""
    (_, ribbons), _, _ = layers(charts.sankey(FLOWS, end="order", rest="other paths"))
    for step in range(3):
        for end in (min, max):
            spans = []
            for name in {row["ribbon"] for row in ribbons if row["ribbon"].startswith(f"{step} ")}:
                row = end((row for row in ribbons if row["ribbon"] == name), key=lambda row: row["x"])
                spans.append((row["low"], row["high"]))
            spans.sort()
            assert all(above[1] <= below[0] + 1e-5 for above, below in pairwise(spans))
            assert spans[-1][1] <= 1.0 + GAP * len(spans) + 1e-5


@pytest.mark.parametrize(
    "spec",
    [
        charts.sankey((*FLOWS, Flow(("a\"']<b>\u202e🙂",), 0.1)), end="order", rest="other paths"),
        charts.levels([{"name": "a", "value": 30.0, "low": 20.0, "high": 40.0}, {"name": "b", "value": 0.0}], unit="%"),
        charts.response(
            [
                {"name": "1", "value": 2.0, "low": 1.0, "high": 3.0, "more": None},
                {"name": "2", "value": 1.5, "low": 1.0, "high": 3.0, "more": -0.5},
            ],
            across="a week",
            unit="EUR",
            named="revenue",
            marginal="more",
        ),
        charts.course(
            [
                {"month": "2026-01", "line": "known", "value": 3.0},
                {"month": "2026-01", "line": "told beforehand", "value": 2.0},
                {"month": "2026-02", "line": "to come", "value": 3.0, "low": 1.0, "high": 5.0},
            ],
            unit="orders",
        ),
    ],
    ids=["sankey", "levels", "response", "course"],
)
@pytest.mark.parametrize("width", [720, 340])
def test_a_picture_is_drawn_in_the_colours_of_the_page(spec: Any, width: int) -> None:
    """Wide and narrow; every mark takes its colour from a variable."""
    drawn = charts.svg(spec, name="p", alt="one 1", width=width)

    assert charts.wrong_colours(drawn) == []
    assert drawn.count("<path") >= 3


def test_the_funnel_and_the_paths_are_those_of_the_metrics(inputs: Inputs) -> None:
    """Each bar is a step's share, each row of the path table a path's, and the ribbons add up to the paths."""
    blocks = list(journeys.build_journeys(inputs))
    shares = {e.by["step"]: e.value for e in funnel.funnel(inputs.engine, inputs.ask) if e.id == "funnel"}
    told = {e.by["path"]: e.value for e in paths.journey_paths(inputs.engine, inputs.ask) if e.id == "journey_path"}
    steps, ways = figure(blocks, "funnel_figure"), figure(blocks, "paths_figure")
    (_, _), (_, bars), *_ = layers(steps.spec)
    (_, ribbons), *_ = layers(ways.spec)

    assert {bar["name"]: bar["value"] for bar in bars} == {journeys.STEPS[step]: 100 * (v or 0) for step, v in shares.items()}
    assert [(row[0], row[1].value) for row in ways.table.rows] == [(name.replace("_", " "), v) for name, v in told.items()]  # type: ignore[union-attr]
    starts = {row["ribbon"]: row["high"] - row["low"] for row in ribbons if row["ribbon"].startswith("0 ")}
    assert sum(starts.values()) == pytest.approx(sum(v or 0 for v in told.values()), abs=1e-4)


def test_the_hardest_step_is_named() -> None:
    """It is the one that the smallest share of those before it took."""

    def share(step: str, value: float) -> Estimate:
        return Estimate("funnel", value, value, value, n=100, unit="share", by={"step": step})

    whole = {"sent": share("sent", 1.0), "visited": share("visited", 0.5), "ordered": share("ordered", 0.1)}
    before = {"visited": share("visited", 0.5), "opened": share("opened", 0.01), "ordered": share("ordered", 0.2)}

    said = journeys.sentence(whole, before)

    assert said.startswith("Of 100 people mailed 10.0 ordered")
    assert "fewest take is 'ordered': 20" in said


def test_an_empty_store_has_no_journeys_and_no_outlook(empty_inputs: Inputs) -> None:
    """Each says why in words."""
    with pytest.raises(DataError, match="too few months are known"):
        outlook.build_outlook(empty_inputs)
    blocks = journeys.build_journeys(empty_inputs)

    assert [block for block in blocks if isinstance(block, (Figure, Table))] == []


SERIES = tuple(float(100 + 10 * (month % 12) + month) for month in range(30))


def test_the_course_shows_what_was_told_of_each_month_it_was_tried_on() -> None:
    """What was told of a month is what came less the error; the year before, in a series with a season."""
    months = tuple(f"{2024 + at // 12}-{at % 12 + 1:02}" for at in range(30))
    found = forecast.forecast(SERIES)
    ahead = [
        Estimate("kpi_forecast", v, v - 1, v + 1, n=30, unit="EUR", by={"kpi": "revenue", "month": f"2026-{at + 7:02}"})
        for at, v in enumerate(found.values)
    ]

    shown = outlook.figure(Course("revenue", "EUR", months, SERIES, found), ahead)
    rows = [row for _, rows in layers(shown.spec) for row in rows]
    told = {row["month"]: row["value"] for row in rows if row["line"] == "told beforehand"}

    assert found.method == forecast.SEASONAL
    assert told == {months[at]: SERIES[at - 12] for at in range(18, 30)}
    assert {row["month"] for row in rows if row["line"] == "to come"} == {"2026-07", "2026-08", "2026-09"}
    assert len(shown.table.rows) == outlook.SHOWN
    assert [(row[0], row[1].value, row[2].value) for row in shown.table.rows[-1:]] == [("2026-06", SERIES[29], SERIES[17])]  # type: ignore[union-attr]


def test_the_outlook_says_whether_the_method_beat_the_month_before() -> None:
    """Less wrong, more wrong, or too little past for anything else."""
    ahead = [Estimate("kpi_forecast", 20.0, 10, 30, n=30, unit="count", by={"kpi": "orders", "month": "2026-07"})]

    def told(ratio: float) -> str:
        return outlook.sentence(ahead, {"orders": Estimate("kpi_forecast_error", ratio, n=12, unit="ratio")})

    assert "it was less wrong than taking the month before: 0.50" in told(0.5)
    assert "it was more wrong than taking the month before: 1.50" in told(1.5)
    assert "too little past for more" in told(1.0)


def dose(name: str, outcome: str, value: float, unit: str) -> Estimate:
    """Return an answer to a dose."""
    by = {"sends_a_week": name, "outcome": outcome}
    return Estimate("frequency_response", value, value - 1, value + 1, n=50, unit=unit, label=RAW, by=by)


def test_a_long_name_takes_two_lines_of_its_axis_and_is_never_cut() -> None:
    """On the narrow picture too, where it would not fit in one."""
    rows = [{"name": name, "cost": 1.0} for name in ("labour", 'orders with an "e-mail" touch', "Hours and tickets saved")]
    spec = charts.bars(rows, amount="cost", of="name", unit="EUR")

    drawn = re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", charts.svg(spec, name="x", alt="x", width=340))

    assert [text for text in drawn if not re.match(r"[\d.]+$|EUR", text)] == [
        "labour",
        "orders with an",
        '"e-mail" touch',
        "Hours and tickets",
        "saved",
    ]


@pytest.mark.parametrize("width", [340, 720])
def test_no_name_of_a_legend_is_cut_or_sticks_out(width: int) -> None:
    """Beside long names of bars, over a figure without any, and over a Sankey diagram."""
    steps = [{"name": "Customers won for less", "kind": kind, "amount": 1.0} for kind in charts.STEPS]
    doses = [{"name": str(dose), "value": dose, "low": dose, "high": dose, "more": 1.0} for dose in range(2)]
    shown = {
        "waterfall": charts.waterfall(steps, unit="EUR"),
        "doses": charts.response(doses, across="a week", unit="EUR", named="revenue a person", marginal="added by this step"),
        "paths": charts.sankey([Flow(("organic search", "paid social"), 0.5), Flow(("no touchpoint",), 0.5)], end="order"),
    }
    for name, spec in shown.items():
        drawn = charts.svg(spec, name="x", alt="x", width=width)
        assert "…" not in drawn, name
        assert charts.room(spec).longest == max(map(len, _legend(spec))), name
        assert all(word in re.sub(r"</?tspan[^>]*>", " ", drawn) for word in _legend(spec)), name


def _legend(spec: Any) -> list[str]:
    colors = [one["encoding"].get("color", {}) for one in spec.get("layer", [spec])]
    return next(list(color["scale"]["domain"]) for color in colors if "scale" in color)


def test_each_dose_is_held_against_the_one_before() -> None:
    """Money where it is known, else clicks; a single dose has no curve."""
    doses = [
        dose("up to 1", "revenue", 3.0, "EUR"),
        dose("up to 2", "revenue", 5.0, "EUR"),
        dose("up to 4", "revenue", 4.0, "EUR"),
    ]
    doses += [replace(one, by={**one.by, "outcome": "clicks"}, unit="count") for one in doses[:2]]

    (shown,) = restraint.curve(doses)
    (clicks,) = restraint.curve(doses[3:])
    assert isinstance(shown, Figure)
    steps = next(rows for mark, rows in layers(shown.spec)[::-1] if mark == "line")

    assert [(row["name"], row["more"]) for row in steps] == [("up to 2", 2.0), ("up to 4", -1.0)]
    assert shown.alt.startswith("A raw difference, no cause.")
    assert "Clicks a person" in clicks.caption  # type: ignore[union-attr]
    assert restraint.curve(doses[:1]) == []


def test_costs_are_bars_from_the_largest_down(inputs: Inputs) -> None:
    """Two kinds of cost make a picture, one does not; what nobody entered stands in the table alone."""
    total = Estimate("personalisation_cost", 700.0, unit="EUR", n=3)
    kinds = [
        Estimate("personalisation_cost", v, unit="EUR", by={"category": name})
        for name, v in (("tool", 200.0), ("labour", 500.0))
    ]

    (shown,) = returns.costs_shown(total, kinds, [])
    assert isinstance(shown, Figure)

    assert [(row["category"], row["cost"]) for _, rows in [("", shown.spec["data"]["values"])] for row in rows] == [
        ("labour", 500.0),
        ("tool", 200.0),
    ]
    assert [type(block) for block in returns.costs_shown(total, kinds[:1], [])] == [Table]


def test_what_came_back_by_a_raw_difference_is_not_called_measured() -> None:
    """In the sentence, in the table and in the colours of the steps."""
    tested = Estimate("part", 100.0, 80.0, 120.0, unit="EUR", by={"part": DIRECT}, label=HOLDOUT)
    raw = Estimate("part", 40.0, unit="EUR", by={"part": ACQUISITION}, label=RAW)
    cost = Estimate("cost", 30.0, unit="EUR")

    said, shown = returns.waterfall(Whole((tested, raw), (), cost, None), "UTC")

    assert isinstance(said, Note)
    assert isinstance(shown, Figure)
    assert said.text == (
        "140.00 EUR came back, as far as it is known, for 30.00 EUR spent in the same days: 110.00 EUR is left."
        " 40.00 EUR of what came back (customers won for less) is a raw difference, not shown to be caused by the mail."
    )
    assert [row[:2] for row in shown.table.rows] == [
        ("Messages, as tested", "measured"),
        ("Customers won for less", "raw difference"),
        ("Cost", "cost"),
        ("Left", "what is left"),
    ]
    assert shown.spec["encoding"]["color"]["scale"]["domain"] == ["measured", "raw difference", "cost", "what is left"]


def test_trust_is_drawn_out_of_a_hundred() -> None:
    """Shares are turned to per cent, the index stays; what is not known, or counts against trust, has no bar."""
    numbers = [
        Estimate("double_opt_in", 0.5, 0.4, 0.6, unit="share"),
        Estimate("trust_index", 70.0, 60.0, 80.0, unit="points of 100"),
        Estimate("consent_kept", None, unit="share", reason="no_consents"),
        Estimate("manipulation_check", 0.3, unit="share"),
        Estimate("price_raised_before_discount", 0.2, unit="share"),
    ]

    (shown,) = trust.figure(numbers)
    assert isinstance(shown, Figure)
    bars = layers(shown.spec)[1][1]

    assert [(bar["name"], bar["value"], bar["low"]) for bar in bars] == [
        ("Subscribed with a confirmed opt-in", 50.0, 40.0),
        ("Trust, by surveys", 70.0, 60.0),
    ]
    assert trust.figure(numbers[:1]) == []


def test_a_raw_curve_never_stands_without_its_warning(inputs: Inputs) -> None:
    """Whatever is said of doses is followed by why it is no cause."""
    blocks = list(restraint.build_restraint(inputs))
    doses = [n for n, block in enumerate(blocks) if isinstance(block, (Figure, Table)) and block.name.startswith("doses")]
    warnings = [n for n, block in enumerate(blocks) if isinstance(block, Note) and frequency.SELECTED in block.text]

    assert doses
    assert warnings == [doses[-1] + 1]
