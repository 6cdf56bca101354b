"""The sections over a small shop in a store: every sentence is computed from what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.report.section_cases import notes, rounded, tables
from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure.fairness_settings import FairnessSettings
from persync.measure.metric import Experiment
from persync.money import Money
from persync.report.build import build_report
from persync.report.findings import effects, returned, undecided
from persync.report.render import FORMATS, render
from persync.report.report import Figure, Inputs, Note
from persync.report.sections import SECTIONS, answer, credit, fairness, health, method, pays, reconcile, whom

DAY = 86_400_000
START = 1_700_006_400_000
"""When the shop's mail goes out, and its experiment begins."""


def test_every_section_can_be_built_and_rendered(inputs: Inputs) -> None:
    """No section fails, no query is refused, every format takes them; the shop has no automations and no half year."""
    report = build_report(SECTIONS, inputs, made_at=inputs.ask.now)
    missing = {
        one.name for one in report.sections for block in one.blocks if "This part is missing" in getattr(block, "text", "")
    }
    texts = [str(render(report, format)) for format in FORMATS]

    assert report.facts["failed"] == []
    assert [one.name for one in report.sections] == [section.name for section in SECTIONS]
    assert ["query failed" in text for text in texts] == [False] * len(FORMATS)
    assert missing == {"automations", "outlook"}  # neither an automation nor six months


def test_an_empty_store_is_reported_in_words(empty_inputs: Inputs) -> None:
    """Nothing pulled is no failure: each part says what is missing."""
    report = build_report(SECTIONS, empty_inputs, made_at=0)
    text = render(report, "text")

    assert report.facts["failed"] == []
    assert "Nothing has been pulled yet" in text
    assert "query failed" not in text


def test_pays_says_what_was_caused_and_how_far_raw_numbers_overstate(inputs: Inputs) -> None:
    """400 of 1,600 treated buy in place of 200 of 800: the rest of what came after the mail would have come anyway."""
    blocks = pays.build_pays(inputs)
    lift, raw = tables(blocks)["lift"].rows, tables(blocks)["raw"].rows

    assert [(row[0], row[1], row[-1]) for row in lift] == [("treated", "control", "pays")]
    assert rounded(lift[0][2]) == (4.012, 3.4, 4.625)
    assert rounded(lift[0][4]) == (0.2, 0.168, 0.23)
    assert [rounded(cell)[0] for cell in raw[0][1:]] == [6.009, 1.997, 4.012, 1.498]
    assert notes(blocks)[0] == (
        "In a holdout, 'treated' caused +4.01 EUR (95 %: +3.40 to +4.63) of revenue a customer against 'control'."
    )
    assert [note for note in notes(blocks) if "overstates" in note] == [
        "Counting all revenue that came after the mail would credit 'treated' with 6.01 EUR a customer: that overstates what it"
        " caused by 1.50 × (95 %: 1.36 to 1.71), because most of it would have come anyway."
    ]


def test_the_return_holds_gain_against_the_cost_of_the_same_days(inputs: Inputs) -> None:
    """A cost outside the experiment's window is not its cost, and the asked period changes neither gain nor cost."""
    (within,) = returned(inputs)
    (asked,) = returned(replace(inputs, ask=replace(inputs.ask, period=(START, START + DAY))))
    later = replace(inputs.ask.experiments["spring"], since=START + 2 * DAY)
    (nothing,) = returned(replace(inputs, ask=replace(inputs.ask, experiments={"spring": later})))

    assert (within.cost.value, within.word, within.gain.unit) == (500.0, "pays", "EUR")
    assert pays.return_sentence(within).startswith("It cost 500.00 EUR and brought in 6,4")
    assert pays.return_sentence(within).endswith("What the goods cost is not taken off: no margin is set.")
    assert (asked.gain.value, asked.cost, asked.word, asked.days) == (within.gain.value, within.cost, "pays", within.days)
    assert (nothing.cost.value, nothing.word) == (None, "cannot tell")
    assert pays.return_sentence(nothing) == (
        "What it cost is not known: no costs for it fall into these days, so whether it pays in the end is not known."
    )


def test_a_period_that_no_test_falls_into_is_told_nothing_was_caused_in(inputs: Inputs) -> None:
    """Nothing of the experiment is said, in no section, and that it lies elsewhere is."""
    elsewhere = replace(inputs, ask=replace(inputs.ask, period=(START + 30 * DAY, START + 40 * DAY)))
    text = render(build_report(SECTIONS, elsewhere, made_at=0), "text")

    assert notes(answer.build_answer(elsewhere), "answer")[:2] == [
        "We cannot tell whether it paid: no test or holdout falls into this period.",
        "For whom it pays cannot be told: no test or holdout falls into this period.",
    ]
    assert ("'treated'" in text, "benefit" in text.lower(), "no costs have been imported" in text) == (False, False, False)
    with pytest.raises(DataError, match="no test or holdout falls into this period"):
        pays.build_pays(elsewhere)


def test_a_test_of_other_days_than_the_asked_ones_says_which(inputs: Inputs) -> None:
    """Its window reaches beyond the period: shown, with its own dates, right after the headline."""
    part = replace(inputs, ask=replace(inputs.ask, period=(START, START + DAY)))
    said = (
        "What 'spring' says, gain and cost alike, is over its own days, 2023-11-15 to 2023-12-14, not the asked period alone."
    )

    assert notes(answer.build_answer(part), "answer")[1] == said
    assert notes(pays.build_pays(part), "warning") == [said]
    assert "Which days?" not in [block.heading for block in answer.build_answer(inputs) if isinstance(block, Note)]


def test_pays_without_an_experiment_is_missing_with_the_reason(empty_inputs: Inputs) -> None:
    """Nobody drawn by lot: nothing is said to be caused."""
    with pytest.raises(DataError, match="no randomised test and no holdout"):
        pays.build_pays(empty_inputs)


def test_an_experiment_that_cannot_be_read_is_named(inputs: Inputs) -> None:
    """A control that is no arm is a warning; the others are still read."""
    wrong = Experiment("autumn", tags={"a": "no such tag"}, control="a")
    found, problems = effects(replace(inputs, ask=replace(inputs.ask, experiments={**inputs.ask.experiments, "autumn": wrong})))

    assert [effect.arm for effect in found] == ["treated"]
    assert [problem.split(":")[0] for problem in problems] == ["The experiment 'autumn' could not be read"]


def test_arms_of_the_wrong_size_decide_nothing(inputs: Inputs) -> None:
    """Planned as equal arms, two to one is no draw: no verdict, for nobody."""
    planned = replace(inputs.ask.experiments["spring"], planned_shares={"treated": 0.5, "control": 0.5})
    blocked = replace(inputs, ask=replace(inputs.ask, experiments={"spring": planned}))
    found, _ = effects(blocked)
    groups, _ = whom.group_effects(blocked)

    assert ([effect.verdict for effect in found], undecided(found)) == (["cannot tell"], frozenset({"spring"}))
    assert {word for _, word in groups} == {"cannot tell"}
    assert "We cannot tell whether it changed anything" in pays.sentence(found[0])


def test_a_holdout_that_was_mailed_decides_nothing_and_the_answer_says_so(inputs: Inputs) -> None:
    """With the mailed arm named as the one held out: no yes, no no, for nobody, and the reason stands in the headline."""
    turned = replace(inputs.ask.experiments["spring"], control="treated")
    contaminated = replace(inputs, ask=replace(inputs.ask, experiments={"spring": turned}))
    found, _ = effects(contaminated)
    groups, _ = whom.group_effects(contaminated)

    assert ([effect.verdict for effect in found], undecided(found)) == (["cannot tell"], frozenset({"spring"}))
    assert {word for _, word in groups} == {"cannot tell"}
    headline = notes(answer.build_answer(contaminated), "answer")[0]
    assert headline.startswith("We cannot tell yet whether it pays: 'spring' is contaminated: 87.6 % of those held out")


def test_groups_are_judged_as_one_family_and_unknown_people_never(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tables of one attribute each are shown as one: p = 0.04 is no claim among four, and 'unknown' is none at any p."""

    def assess(_engine: object, attribute: str, *_: object) -> list[Estimate]:
        ps = {"big": 0.001 if attribute == "size" else 0.04, "unknown": 0.0001 if attribute == "size" else 0.5}
        by = {"attribute": attribute, "experiment": "spring", "arm": "treated"}
        return [
            Estimate("benefit_difference", 2.0, 0.1, 3.9, p, 500, "EUR", "holdout", None, {**by, "group": group})
            for group, p in ps.items()
        ]

    monkeypatch.setattr(whom.benefit, "assess", assess)
    monkeypatch.setattr(whom, "attributes", lambda _: (["size", "town"], []))
    found, _ = whom.group_effects(inputs)

    assert [(e.by["group"], word) for e, word in found] == [
        ("big", "pays"),
        ("unknown", "cannot tell"),
        ("big", "cannot tell"),
        ("unknown", "cannot tell"),
    ]
    assert [e.note.split(",")[0] for e, _ in found] == ["one of 4 comparisons"] * 4


def test_whom_names_the_groups_by_verdict(inputs: Inputs) -> None:
    """Large groups are judged, hidden and small ones are not; the levels are shown as raw numbers."""
    blocks = whom.build_whom(inputs)
    groups = tables(blocks)["groups"].rows
    levels = tables(blocks)["levels"].rows

    assert [(row[1], row[2]) for row in groups] == [
        ("east", "cannot tell"),
        ("hamlet", "cannot tell"),
        ("north", "pays"),
        ("south", "cannot tell"),
    ]
    assert notes(blocks) == ["It sold more to town north; for town east, town hamlet and town south we cannot tell."]
    assert [row[0] for row in levels] == list(whom.LEVELS.values())
    assert [len(notes(blocks, "warning")), len([block for block in blocks if isinstance(block, Figure)])] == [1, 1]


def test_an_attribute_with_too_many_values_makes_no_groups(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Amounts and birthdays are not groups: said, and nobody compared by them."""
    monkeypatch.setattr("persync.measure.attributes.MOST_GROUPS", 3)

    with pytest.raises(DataError):
        whom.build_whom(replace(inputs, metrics={}))
    assert notes(fairness.build_fairness(inputs))[0] == "By 'town' nobody is compared: it has 4 values, which are no groups."
    assert whom.group_effects(inputs)[0] == []


def test_fairness_names_who_is_below_and_who_is_hidden(inputs: Inputs) -> None:
    """The south is reached half as often; the hamlet of three is hidden, with a second group that covers it."""
    blocks = fairness.build_fairness(inputs)
    rows = {row[0]: row[3] for row in tables(blocks)["exposure_town"].rows}

    assert rows == {"east": "not shown", "hamlet": "not shown", "north": "reference", "south": "below"}
    assert notes(blocks, "warning") == [
        "'south' was sent personalised mail 0.50 × as often as 'north' (95 %: 0.441 to 0.560): surely less than four fifths."
    ]
    assert notes(blocks) == [
        "2 of 4 groups: 'east' and 'hamlet' are hidden because one is, or they are together, so small that people could be"
        " recognised. That is not a pass."
    ]


def test_where_personalised_mail_is_a_burden_the_group_that_gets_least_of_it_is_the_best_off(inputs: Inputs) -> None:
    """The same shop, asked with [fairness] directions: the north gets too much of it, in words, table, figure and scan."""
    settings = FairnessSettings(directions=dict.fromkeys(("exposure_rate", "exposure_dose", "mean_level"), "less"))
    turned = replace(inputs, ask=replace(inputs.ask, fairness=settings))

    blocks = fairness.build_fairness(turned)

    assert notes(blocks, "answer")[:1] == [
        "By town: 'south' got personalised mail, here a burden, surely less than four fifths as often as 'north';"
        " 2 groups are too small to show."
    ]
    assert {row[0]: row[3] for row in tables(blocks)["exposure_town"].rows}["north"] == "below"
    (figure,) = [block for block in blocks if isinstance(block, Figure) and block.name.startswith("exposure")]
    assert figure.caption.startswith(
        "How often 'south' got personalised mail, here a burden, against each group (1 ×), by town"
    )
    worse = {(row[0], row[1]) for row in tables(blocks)["bias_gaps"].rows}
    assert ("north (town)", "Got personalised mail") in worse
    assert ("south (town)", "Got personalised mail") not in worse
    said = next(text for text in notes(answer.build_answer(turned), "answer") if "personalised mail" in text)
    assert said.startswith("Yes: personalised mail, here a burden, went ")
    assert " as often to town south as to north " in said


def test_fairness_answers_in_words_and_draws_the_four_fifths_line(inputs: Inputs) -> None:
    """Each group's ratio with its n beside the line at 0.8; what else was held between them stands in one table."""
    blocks = fairness.build_fairness(inputs)
    (figure,) = [block for block in blocks if isinstance(block, Figure) and block.name.startswith("exposure")]
    drawn = [row for layer in figure.spec["layer"] for row in layer.get("data", {}).get("values", ())]
    drawn += [row for rows in figure.spec.get("datasets", {}).values() for row in rows]

    assert notes(blocks, "answer")[:1] == [
        "By town: 'south' got personalised mail surely less than four fifths as often as 'north';"
        " 2 groups are too small to show."
    ]
    assert {row["mark"] for row in drawn if "mark" in row} == {0.8}
    assert {row["name"].split(",")[0]: row["verdict"] for row in drawn if "verdict" in row} == {
        "north": "reference",
        "south": "below",
    }
    assert {row["name"].split(" n = ")[1] for row in drawn if "verdict" in row} == {
        f"{e.n:,}" for e in (row[1] for row in tables(blocks)["exposure_town"].rows) if isinstance(e, Estimate) and e.n
    }
    others = {row[0]: row[1] for row in tables(blocks)["parities_town"].rows}
    assert (others["Messages a person"], others["Personalised messages a person"]) == ("south against north",) * 2
    assert [block.text for block in blocks if isinstance(block, Note) and block.heading == "Why these attributes are held"] == [
        "'town': asked at sign-up."
    ]


def test_fairness_hides_nobody_where_small_groups_are_shown(inputs: Inputs) -> None:
    shown = fairness.build_fairness(replace(inputs, ask=replace(inputs.ask, suppress_n=1)))

    assert not [text for text in notes(shown) if "hidden" in text]


def test_fairness_without_attributes_says_what_to_do(empty_inputs: Inputs) -> None:
    """No attribute: missing, with the way to change it."""
    with pytest.raises(DataError, match="no attribute of people was opted in"):
        fairness.build_fairness(empty_inputs)


def test_health_counts_what_joins(inputs: Inputs) -> None:
    """One guest among 561 orders joins to nobody; the test order is nowhere; 800 of 1,401 opens are machines'."""
    joins = {row[0]: row[1] for row in tables(health.build_health(inputs))["joins"].rows}
    counted = {name: (round(cell.value * cell.n), cell.n) for name, cell in joins.items() if isinstance(cell, Estimate)}

    assert counted == {
        "Orders whose buyer is known": (560, 561),
        "Orders whose buyer another system knows too": (560, 561),
        "Orders whose journey the shop saw": (560, 561),
        "Opens made by machines": (800, 1401),
        "Messages whose personalisation is known": (1401, 1409),
    }
    assert health.gaps(inputs) == [
        "Who is behind 0.2 % of the orders: their buyers are known to no other system.",
        "How personal 0.6 % of the messages were: their content was not read.",
    ]


def test_method_holds_every_definition(inputs: Inputs) -> None:
    """Each metric's definition is one click away, and the settings name period, basis and experiment."""
    blocks = method.build_method(inputs)
    settings = dict(row[:2] for row in tables(blocks)["settings"].rows)

    assert [block.heading for block in blocks if isinstance(block, Note) and block.tone == "glossary"] == [
        metric.title for metric in inputs.metrics.values()
    ]
    assert settings["Experiment spring"] == "holdout, control 'control', orders of 15 November 2023 to 14 December 2023"
    assert settings["Connection mail"] == "mailchimp"
    assert [row[0] for row in tables(blocks)["models"].rows] == [model.name for model in inputs.models]


def test_method_names_the_touches_that_count_their_windows_and_where_a_path_begins(inputs: Inputs) -> None:
    def told(**asked: Any) -> dict[str, Any]:
        table = tables(method.build_method(replace(inputs, ask=replace(inputs.ask, **asked))))["settings"]
        names = (
            "Touchpoints that count",
            "Look-back of a journey",
            "Path of a journey",
            "Money credited",
            "Credit is dated by",
        )
        return {row[0]: row[1] for row in table.rows if row[0] in names}

    assert list(told().values()) == [
        "click, visit and direct",
        "30 days before the order",
        "the whole look-back, over earlier orders too",
        "net",
        "the sale or refund",
    ]
    mine = told(
        kinds=("click", "open"), windows={"click": 14}, path="since_last_order", credit_basis="gross", reporting="accrual"
    )
    assert list(mine.values()) == [
        "click and open",
        "click 14 days, open 5 days before the order",
        "since the last order of another day",
        "gross",
        "the touchpoint that has it",
    ]


def test_credit_adds_up_to_the_till_under_every_model(inputs: Inputs) -> None:
    """Each model's row sums to the net revenue of the 561 orders to the cent, whoever it credits."""
    blocks = credit.build_credit(inputs)
    table = tables(blocks)["credit"]
    expected = sum(2000 + n % 7 for n in range(2400) if n % 10 == 0 or (n % 3 and n % 5 == 1)) + 5000 - 500

    assert [column.title for column in table.columns] == ["Model", "E-mail", "No touchpoint"]
    sums = [sum(round(100 * cell.value) for cell in row[1:] if isinstance(cell, Estimate) and cell.value) for row in table.rows]
    assert sums == [expected] * sum(model.sums_to == "order" for model in inputs.models)
    assert notes(blocks)[1] == (
        f"Under each of 12 models the credits of each of 561 orders add up to its net revenue to the cent:"
        f" {expected // 100:,}.{expected % 100:02} EUR."
    )
    assert [note.startswith("Credited, not caused") for note in notes(blocks, "warning")] == [True]
    one = credit.build_credit(replace(inputs, models=inputs.models[:1]))
    assert notes(one)[1].startswith(
        "Under first touch the credits of each of 561 orders add up to its net revenue to the cent:"
    )


def test_credit_without_orders_is_missing(empty_inputs: Inputs) -> None:
    """No order, no credit: the reason stands in words."""
    with pytest.raises(DataError, match="nothing can be credited: there are no orders"):
        credit.build_credit(empty_inputs)


def test_reconcile_holds_the_claim_against_what_was_taken(inputs: Inputs) -> None:
    """The ledger comes to what the shop says except for the order whose refund the shop's total does not know."""
    blocks = reconcile.build_reconcile(inputs)
    found = reconcile.read(inputs)
    ratios = {(each.against, each.basis): each.ratio for each in found.over_claims}
    bridge = [(row[0], row[1]) for row in tables(blocks)["bridge"].rows]

    assert notes(blocks, "warning") == [
        "The store does not tie to the till: 1 order differs, first #o0 (24.00 EUR at the shop, 19.00 EUR here)."
        " 1 test order left out."
    ]
    mailed = [n for n in range(2400) if n % 3 and (n % 10 == 0 or n % 5 == 1) and (n % 4 != 3 or n >= 2397 or n % 8 == 3)]
    taken = sum(2400 + n % 7 for n in mailed)
    assert (found.claims_minor, ratios["email_touched", "gross"]) == (1_500_000, pytest.approx(1_500_000 / taken))
    assert bridge[-1] == ("= gross", Money(found.gross_minor, "EUR"))
    assert bridge[1] == ("= net", Money(found.net_minor, "EUR"))
    assert notes(blocks, "answer")[0].startswith("Yes. mail claims 15,000.00 EUR; the ")
    assert notes(blocks, "answer")[0].endswith(" The claims are 1.42 × that.")
