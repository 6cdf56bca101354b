"""How numbers, times and missing values are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from persync.estimate import Estimate, Label, missing
from persync.money import Money
from persync.report import words
from persync.report.safe import markdown, markdown_paragraph, plain


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate("difference", 0.7698, 0.4851, 1.0545, unit="EUR", label="randomised"), "+0.77 EUR (95 %: +0.49 to +1.05)"),
        (Estimate("difference", 0.0043, 0.0011, 0.0075, unit="EUR"), "+0.0043 EUR (95 %: +0.0011 to +0.0075)"),
        (Estimate("difference", -1200.5, -1500.0, -900.0, unit="JPY"), "−1,200 JPY (95 %: −1,500 to −900)"),
        (
            Estimate("difference", 0.006805, 0.005004, 0.008622, unit="share"),
            "+0.68 percentage points (95 %: +0.50 to +0.86)",
        ),
        (Estimate("repeat_days", 332.0, 314.0, None, unit="days"), "332 days (95 %: 314 to no bound)"),
        (Estimate("repeat_days", 3.4, 3.2, 3.62, unit="days"), "3.40 days (95 %: 3.20 to 3.62)"),
        (Estimate("pull_back_advice", 1.85, -3.37, 7.07, unit="EUR"), "+1.85 EUR (95 %: −3.37 to +7.07)"),
        (Estimate("selection_smallest_gap", 0.015, unit="share"), "1.5 percentage points"),
        (
            Estimate("demographic_parity", 0.321, 0.301, 0.341, unit="share", by={"statistic": "difference"}),
            "32.1 percentage points (95 %: 30.1 to 34.1)",
        ),
        (
            Estimate("difference_cuped", 0.0068, 0.005, 0.0086, unit="points"),
            "+0.68 percentage points (95 %: +0.50 to +0.86)",
        ),
        (Estimate("uplift_by_segment", 4.14, -1.18, 9.45, unit="EUR"), "+4.14 EUR (95 %: −1.18 to +9.45)"),
        (Estimate("chance_to_win", 0.99997, unit="share"), "> 99.9 %"),
        (Estimate("chance_to_win", 0.0, unit="share"), "< 0.1 %"),
        (Estimate("chance_to_win", 0.984, unit="share"), "98.4 %"),
        (Estimate("relative", 0.8523, 0.51, 1.27, unit="share"), "+85.2 % (95 %: +51.0 to +127.0)"),
        (Estimate("mean", 0.171, 0.165, 0.177, unit="share"), "17.10 % (95 %: 16.50 to 17.70)"),
        (Estimate("ratio", 0.6936, 0.555, 0.867, unit="ratio"), "0.69 × (95 %: 0.56 to 0.87)"),
        (Estimate("count", 42694, unit="count"), "42,694"),
        (Estimate("days", 12.34, 11.0, 13.5, unit="days"), "12.3 days (95 %: 11.0 to 13.5)"),
        (Estimate("sample_ratio", 0.9041, unit="p"), "p = 0.904"),
        (Estimate("engagement_score", 34.82, unit="of 100"), "34.8 of 100"),
        (missing("roi", "no_cost"), "not known: no costs have been imported"),
        (missing("roi", "the_moon_is_wrong"), "not known: the moon is wrong"),
        (missing("roi", ""), "not known: no reason was given"),
        (Estimate("ratio", 2.0, 1.0, float("inf"), unit="ratio"), "2.00 × (95 %: 1.00 to no bound)"),
    ],
)
def test_an_estimate_reads_with_its_unit_and_interval(estimate: Estimate, text: str) -> None:
    """Digits follow the interval, differences carry a sign, a missing value says why."""
    assert words.brief(estimate) == text


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("randomised", "+1.00 EUR (95 %: 0.00 to +2.00; n = 99, p < 0.001; randomised test; too few to say)"),
        ("raw difference", "+1.00 EUR (95 %: 0.00 to +2.00; n = 99, p < 0.001; raw difference, not a cause; too few to say)"),
    ],
)
def test_a_sentence_says_all_that_must_stand_beside_a_value(label: Label, text: str) -> None:
    """Interval, n, p, causal label and note come in one order."""
    estimate = Estimate("difference", 1.0, 0.0, 2.0, 0.0001, 99, "EUR", label, note="too few to say")

    assert words.sentence(estimate) == text


def test_a_comparison_without_an_interval_says_so() -> None:
    """A causal label without bounds is marked; a plain count is not."""
    assert words.sentence(Estimate("difference", 1.0, unit="EUR", label="holdout")) == "+1.00 EUR (no interval; holdout)"
    assert words.sentence(Estimate("orders", 3, unit="count")) == "3"


def test_money_keeps_its_minor_units() -> None:
    """Money is exact, with the currency's own number of decimals."""
    assert [words.money(Money(*pair)) for pair in ((123456789012345678, "EUR"), (-5, "EUR"), (1200, "JPY"), (1, "KWD"))] == [
        "1,234,567,890,123,456.78 EUR",
        "−0.05 EUR",
        "1,200 JPY",
        "0.001 KWD",
    ]


def test_a_period_names_its_last_day() -> None:
    """Half-open periods are written with both ends included, in the shop's zone."""
    assert words.period((1704067200000, 1735689600000), "UTC") == "1 January 2024 to 31 December 2024"
    assert words.period((1704063600000, 1706742000000), "Europe/Berlin") == "1 January 2024 to 31 January 2024"
    assert words.period((1704063600000, 1704150000000), "Europe/Berlin") == "1 January 2024"
    assert words.period(None, "UTC") == "all that the data cover"
    assert words.moment(0, "No/Such_Zone") == "1970-01-01 00:00"


def test_lists_and_counts_read_as_sentences() -> None:
    """Commas, an and, and plurals."""
    assert [words.listing(list(items)) for items in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert [words.plural(count, "order") for count in (0, 1, 1200)] == ["0 orders", "1 order", "1,200 orders"]


def test_text_is_made_inert() -> None:
    """Control and direction characters are replaced, words in any script stay."""
    assert plain("a\x1b[1m\u202eb\tc\n d") == "a\ufffd[1m\ufffdb c d"
    assert plain("Größe 東京 \U0001f469\u200d\U0001f4bb می\u200cخواهم") == "Größe 東京 \U0001f469\u200d\U0001f4bb می\u200cخواهم"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a|b", "a\\|b"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("[x](y)", "\\[x\\](y)"),
        ("https://a.b", "https&#58;//a.b"),
        ("$x$", "\\$x\\$"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_markdown_shows_text_letter_by_letter(text: str, safe: str) -> None:
    """What would mean something to Markdown is escaped."""
    assert markdown(text) == safe


@pytest.mark.parametrize(
    ("text", "safe"), [("# a", "\\# a"), ("- a", "\\- a"), ("1. a", "1\\. a"), ("+0.77", "\\+0.77"), ("a #", "a #")]
)
def test_a_markdown_paragraph_starts_nothing(text: str, safe: str) -> None:
    """No heading, list or rule begins with a text."""
    assert markdown_paragraph(text) == safe


def test_what_is_no_character_is_replaced() -> None:
    """What draws the figures ends the whole process at a U+FFFE."""
    assert plain("a\ufffe\uffff\U0010ffff\ufdd0\U0001f600\u0378") == "a\ufffd\ufffd\ufffd\ufffd\U0001f600\u0378"


def test_every_reason_of_a_measure_has_words(root: Path) -> None:
    """A null is shown with its reason: every constant that names one has a sentence of its own."""
    named = re.compile(r'^(?:NO|NOT|NOTHING|TOO)_[A-Z_]*: Final = "([a-z_]+)"$', re.MULTILINE)
    paths = [path for folder in ("measure", "attribution") for path in (root / "core" / "persync" / folder).rglob("*.py")]
    found = {code for path in paths for code in named.findall(path.read_text("utf-8"))}

    assert len(found) > 40
    assert {code for code in found if code not in words.REASONS} == set()


@pytest.mark.parametrize(
    ("heading", "text", "led"),
    [
        ("Is it fair?", "Nobody is left out.", "Is it fair?"),
        ("The store is empty", "Nothing was read.", "The store is empty."),
        ("Of these", "three in ten", "Of these:"),
        ("How", "By Welch's test.", "How:"),
        ("Noted:", "Three", "Noted:"),
    ],
)
def test_a_heading_runs_into_its_text_with_one_mark(heading: str, text: str, led: str) -> None:
    assert words.lead(heading, text) == led
