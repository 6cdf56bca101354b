"""Whatever somebody typed, what they may have meant: by a name, a title, or words of either."""

import pytest

from persync.errors import MANY, nearest
from persync.nearness import near

METRICS = {
    "abandoned_cart": "Abandoned carts",
    "aov": "Average order value",
    "churn_rate": "Churn rate",
    "complaint_rate": "Complaint rate",
    "ctor": "Click-to-open rate",
    "ctr": "Click-through rate",
    "human_open_rate": "Open rate without machines",
    "incremental_revenue": "Incremental revenue",
    "open_rate": "Open rate (reported)",
    "revenue_per_recipient": "Revenue per recipient",
    "roi_simple": "Return on investment",
}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ctrr", ["ctr"]),
        ("crt", ["ctr"]),
        ("click_rte", ["ctr", "ctor"]),
        ("click rate", ["ctr", "ctor"]),
        ("Open rate", ["open_rate"]),
        ("average order value", ["aov"]),
        ("average ordr valu", ["aov"]),
        ("investment", ["roi_simple"]),
        ("churn", ["churn_rate"]),
        ("revenue", ["incremental_revenue", "revenue_per_recipient"]),
        ("zzz", []),
        ("", []),
    ],
)
def test_a_metric_is_found_by_its_id_its_title_and_words_of_either(typed: str, meant: list[str]) -> None:
    """A typing error has one answer; words that several share have several, the nearest first."""
    assert near(typed, METRICS) == meant


def test_what_has_no_title_is_found_by_the_words_of_its_name() -> None:
    assert near("lines", dict.fromkeys(["orders", "order_lines", "touchpoints", "v_order_lines"], "")) == [
        "order_lines",
        "v_order_lines",
    ]


def test_several_that_may_be_meant_stand_with_their_titles() -> None:
    assert nearest("click rate", METRICS) == "Did you mean 'ctr' (Click-through rate) or 'ctor' (Click-to-open rate)?"
    assert nearest("ctrr", METRICS) == "Did you mean 'ctr'?"


def test_where_nothing_is_near_a_few_are_listed_and_of_many_is_said_where_they_are_shown() -> None:
    many = [f"m{n}" for n in range(MANY + 1)]

    assert nearest("zzz", ["b", "a"], "`persync x list` shows all.") == "Valid: a, b."
    assert nearest("zzz", many, "`persync x list` shows all.") == "`persync x list` shows all."
