from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest

from core.measure.picks import pick
from persync.errors import ConfigError, DataError
from persync.measure import experiments
from persync.measure.metric import Ask, Experiment

ASK = Ask(now=10**13)
ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "none"}


@pytest.fixture(scope="module")
def real(hillstrom: Path) -> list[dict[str, str]]:
    with gzip.open(hillstrom, "rt", newline="") as file:
        return list(csv.DictReader(file))


def load_real(shop: Any, real: list[dict[str, str]]) -> None:
    people = range(1, len(real) + 1)
    names = {"mens": 1, "womens": 2, "none": 3}
    for arm, segment in names.items():
        shop.add("segments", segment_id=segment, connection=1, kind="tag", vendor_id=str(segment), name=f"hillstrom:{arm}")
    shop.load("memberships", key_id=list(people), segment_id=[names[ARMS[row["segment"]]] for row in real])
    shop.load(
        "outcomes",
        connection=[3] * len(real),
        key_id=list(people),
        outcome=["visit"] * len(real),
        happened_at=[1000] * len(real),
        value=[float(row["visit"]) for row in real],
    )
    buyers = [(i, round(float(row["spend"]) * 100)) for i, row in zip(people, real, strict=True) if float(row["spend"]) > 0]
    keys = [i for i, _ in buyers]
    shop.load("order_of", order_key=keys, order_id=keys, is_money_source=[1] * len(keys))
    shop.load(
        "orders", order_key=keys, connection=[1] * len(keys), key_id=keys, ordered_at=[500] * len(keys), is_test=[0] * len(keys)
    )
    shop.load(
        "order_ledger",
        order_key=keys,
        entry=["1"] * len(keys),
        event=["sale"] * len(keys),
        part=["product"] * len(keys),
        happened_at=[500] * len(keys),
        amount_minor=[minor for _, minor in buyers],
        currency=["USD"] * len(keys),
    )


def test_the_published_lift_of_the_real_test_is_found(shop: Any, real: list[dict[str, str]]) -> None:
    """Arms, differences, intervals and p-values agree with those published for Hillstrom's e-mail test."""
    load_real(shop, real)
    experiment = Experiment(
        "hillstrom", tags={arm: f"hillstrom:{arm}" for arm in ("mens", "womens", "none")}, control="none", since=0, days=14
    )

    read = experiments.read(shop, experiment, ASK)

    assert [e.value for e in read if e.id == "arm_size"] == [21307, 21306, 21387]
    assert pick(read, "sample_ratio").p == pytest.approx(0.904, abs=5e-4)
    men = pick(read, "difference", arm="mens", outcome="revenue")
    assert (men.value, men.low, men.high) == pytest.approx((0.7698, 0.4851, 1.0545), abs=5e-5)
    assert men.p == pytest.approx(1.16e-07, rel=5e-3)
    assert (men.unit, men.label, men.n) == ("USD", "randomised", 42613)
    women = pick(read, "difference", arm="womens", outcome="revenue")
    assert (women.value, women.low, women.high) == pytest.approx((0.4244, 0.1690, 0.6799), abs=5e-5)
    assert pick(read, "difference", arm="mens", outcome="conversion").value == pytest.approx(0.006805, abs=5e-7)
    assert pick(read, "difference", arm="womens", outcome="conversion").value == pytest.approx(0.003111, abs=5e-7)
    assert pick(read, "difference", arm="mens", outcome="visit").value == pytest.approx(0.076590, abs=5e-7)


def split(shop: Any, treated: int = 40, control: int = 40, **more: Any) -> Experiment:
    """Draw people 1 ... into two arms of experiment `test`."""
    arms = ["treated"] * treated + ["control"] * control
    shop.load(
        "assignments",
        connection=[3] * len(arms),
        experiment=["test"] * len(arms),
        key_id=list(range(1, len(arms) + 1)),
        arm=arms,
    )
    return Experiment("test", control="control", **more)


def revenue(shop: Any, experiment: Experiment, ask: Ask = ASK) -> tuple[float | int | None, float | int | None]:
    """Return the mean revenue and conversion of the treated arm."""
    read = experiments.read(shop, experiment, ask)
    return (
        pick(read, "mean", arm="treated", outcome="revenue").value,
        pick(read, "mean", arm="treated", outcome="conversion").value,
    )


def test_orders_count_inside_the_window_alone(shop: Any) -> None:
    """The window holds its first moment and not its last; without one every order counts."""
    day = 86_400_000
    experiment = split(shop, since=10 * day, days=2)
    for key, at in enumerate((10 * day - 1, 10 * day, 12 * day - 1, 12 * day), start=1):
        shop.order(key, key, 4000, ordered_at=at)

    assert revenue(shop, experiment) == (2.0, 2 / 40)
    assert revenue(shop, Experiment("test", control="control")) == (4.0, 4 / 40)


def test_money_is_net_and_follows_the_ledger(shop: Any) -> None:
    """Tax is out on the net basis and in on the gross one, and a later refund of an order in the window counts against it."""
    experiment = split(shop, since=0, days=1)
    shop.order(1, 1, 8000, tax=1600, ordered_at=5)
    shop.post(1, -2000, "product", entry="refund", event="refund", at=10**12)

    assert revenue(shop, experiment) == (60 / 40, 1 / 40)
    assert revenue(shop, experiment, Ask(now=10**13, basis="gross")) == (76 / 40, 1 / 40)


def test_orders_that_came_to_nothing_are_no_conversions(shop: Any) -> None:
    """Fully refunded and cancelled orders leave their ledger's money and no conversion; tests and open deals leave nothing."""
    experiment = split(shop)
    shop.order(1, 1, 8000, ordered_at=5)
    shop.post(1, -8000, "product", entry="refund", event="refund", at=6)
    shop.order(2, 2, 400, ordered_at=5, cancelled_at=9)
    shop.order(3, 3, 9900, ordered_at=5, is_test=1)
    shop.order(4, 4, 9900, ordered_at=5, kind="deal", status="open")

    assert revenue(shop, experiment) == (4 / 40, 0.0)


def test_one_sale_in_two_systems_is_one_order_of_whoever_either_names(shop: Any) -> None:
    """The shop's copy gives the money; its guest order belongs to the person that the other copy names."""
    experiment = split(shop)
    shop.order(1, None, 8000, ordered_at=5, order_id=1)
    shop.order(2, 7, 8800, ordered_at=5, order_id=1, is_money_source=0)

    assert revenue(shop, experiment) == (80 / 40, 1 / 40)


def test_keys_of_one_person_are_one_person(shop: Any) -> None:
    """Two keys in one arm are one person, and an order under either key is theirs."""
    experiment = split(shop)
    shop.load("person_of", key_id=[1, 2, 500], person=[1, 1, 1], hash=[0, 0, 0])
    shop.order(1, 500, 3900, ordered_at=5)

    read = experiments.read(shop, experiment, ASK)

    assert pick(read, "arm_size", arm="treated").value == 39
    assert pick(read, "mean", arm="treated", outcome="revenue").value == 1.0


def test_a_person_in_two_arms_is_contamination_and_in_neither(shop: Any) -> None:
    """Keys drawn into different arms that turn out to be one person are left out and counted."""
    experiment = split(shop)
    shop.load("person_of", key_id=[1, 80], person=[1, 1], hash=[0, 0])
    shop.order(1, 1, 7800, ordered_at=5)

    read = experiments.read(shop, experiment, ASK)

    assert [e.value for e in read if e.id == "arm_size"] == [39, 39]
    assert pick(read, "contamination").value == pytest.approx(1 / 79)
    assert pick(read, "mean", arm="treated", outcome="revenue").value == 0.0


def test_a_tag_names_an_arm_by_name_or_by_the_vendors_id(shop: Any) -> None:
    """Either spelling of the tag works, a segment of another kind does not, and a tag taken off still counts."""
    shop.add("segments", segment_id=1, connection=1, kind="tag", vendor_id="77", name="mail")
    shop.add("segments", segment_id=2, connection=1, kind="tag", vendor_id="78", name="quiet")
    shop.add("segments", segment_id=3, connection=1, kind="segment", vendor_id="79", name="mail")
    shop.load("memberships", key_id=[1, 2, 3, 4, 5, 6], segment_id=[1] * 6, left_at=[None] * 5 + [99])
    shop.load("memberships", key_id=[7, 8, 9, 10, 11], segment_id=[2] * 5)
    shop.load("memberships", key_id=[12], segment_id=[3])

    read = experiments.read(shop, Experiment("tagged", tags={"a": "mail", "b": "78"}), ASK)

    assert {e.by["arm"]: e.value for e in read if e.id == "arm_size"} == {"a": 6, "b": 5}


def test_without_a_control_every_ordered_pair_is_read(shop: Any) -> None:
    """Both directions of a pair stand there with turned signs, and count as one comparison."""
    split(shop)
    shop.order(1, 1, 4000, ordered_at=5)

    read = [e for e in experiments.read(shop, Experiment("test"), ASK) if e.id == "difference"]

    assert [(e.by["arm"], e.by["outcome"], e.value) for e in read] == [
        ("control", "conversion", -1 / 40),
        ("treated", "conversion", 1 / 40),
        ("control", "revenue", -1.0),
        ("treated", "revenue", 1.0),
    ]
    assert all("one of 2 comparisons" in e.note for e in read)


def test_a_window_that_is_not_over_is_immature(shop: Any) -> None:
    """Orders are not read before the window's end; an undated outcome is."""
    experiment = split(shop, since=0, days=1)
    shop.order(1, 1, 4000, ordered_at=5)
    shop.load("outcomes", connection=[3] * 80, key_id=range(1, 81), outcome=["visit"] * 80, value=[1.0, 0.0] * 40)

    read = experiments.read(shop, experiment, Ask(now=1000))

    assert [(e.value, e.reason) for e in read if e.by.get("outcome") in ("conversion", "revenue")] == [(None, "immature")] * 8
    assert pick(read, "mean", arm="treated", outcome="visit").value == 0.5


def test_a_missing_outcome_is_not_zero(shop: Any) -> None:
    """People without a value are not in n; amounts get a mean, values of 0 and 1 a share."""
    experiment = split(shop)
    shop.load(
        "outcomes",
        connection=[3] * 20,
        key_id=[*range(1, 11), *range(41, 51)],
        outcome=["visit"] * 20,
        value=[1.0] * 9 + [None] + [0.0] * 10,
    )
    shop.load("outcomes", connection=[3] * 80, key_id=range(1, 81), outcome=["minutes"] * 80, value=[2.0, 4.0] * 40)

    read = experiments.read(shop, experiment, ASK)

    visit = pick(read, "mean", arm="treated", outcome="visit")
    assert (visit.value, visit.n, visit.unit) == (1.0, 9, "share")
    minutes = pick(read, "mean", arm="treated", outcome="minutes")
    assert (minutes.value, minutes.n, minutes.unit) == (3.0, 40, "")


def test_without_orders_an_imported_revenue_takes_the_name(shop: Any) -> None:
    """A store without any order reads the user's own numbers, and says that conversion cannot be known."""
    experiment = split(shop)
    shop.load("outcomes", connection=[3] * 80, key_id=range(1, 81), outcome=["revenue"] * 80, value=[3.0] * 40 + [1.0] * 40)

    read = experiments.read(shop, experiment, ASK)

    assert pick(read, "difference", outcome="revenue").value == 2.0
    assert pick(read, "difference", outcome="conversion").reason == "no_orders"


def test_with_orders_an_imported_revenue_stands_beside_them(shop: Any) -> None:
    """The orders' own revenue keeps its name, the imported numbers are not lost."""
    experiment = split(shop)
    shop.order(1, 1, 4000, ordered_at=5)
    shop.load("outcomes", connection=[3] * 80, key_id=range(1, 81), outcome=["revenue"] * 80, value=[3.0] * 40 + [1.0] * 40)

    read = experiments.read(shop, experiment, ASK)

    assert pick(read, "difference", outcome="revenue").value == 1.0
    assert pick(read, "difference", outcome="revenue (imported)").value == 2.0


def test_currencies_are_never_added(shop: Any) -> None:
    """Money in two currencies is refused, the share of buyers is not."""
    experiment = split(shop)
    shop.order(1, 1, 4000, ordered_at=5)
    shop.order(2, 2, 4000, ordered_at=5, currency="USD")

    read = experiments.read(shop, experiment, ASK)

    assert {e.reason for e in read if e.by.get("outcome") == "revenue"} == {"mixed_currencies"}
    assert pick(read, "mean", arm="treated", outcome="conversion").value == 2 / 40


def test_yen_have_no_cents(shop: Any) -> None:
    """Minor units are scaled by the currency's own exponent."""
    experiment = split(shop)
    shop.order(1, 1, 4000, ordered_at=5, currency="JPY")

    mean = pick(experiments.read(shop, experiment, ASK), "mean", arm="treated", outcome="revenue")

    assert (mean.value, mean.unit) == (100.0, "JPY")


@pytest.mark.parametrize(("planned", "is_blocked"), [(None, True), ({"treated": 0.8, "control": 0.2}, False)])
def test_arms_of_other_than_the_planned_sizes_block_the_verdict(
    shop: Any, planned: dict[str, float] | None, is_blocked: bool
) -> None:
    """160 against 40 is impossible for an equal draw and just right for four to one."""
    experiment = split(shop, treated=160, control=40, planned_shares=planned or {})
    shop.order(1, 1, 4000, ordered_at=5)

    read = experiments.read(shop, experiment, ASK)

    assert (pick(read, "sample_ratio").p < 0.001) == is_blocked
    assert all(("no verdict" in e.note) == is_blocked for e in read if e.id == "difference")


def test_imported_planned_shares_are_used(shop: Any) -> None:
    """Planned shares that came with the assignments are what the sizes are held against."""
    shop.load(
        "assignments",
        connection=[3] * 100,
        experiment=["test"] * 100,
        key_id=range(100),
        arm=["a"] * 80 + ["b"] * 20,
        planned_share=[0.8] * 80 + [0.2] * 20,
    )

    assert pick(experiments.read(shop, Experiment("test"), ASK), "sample_ratio").p == 1.0


def test_small_arms_are_too_few_and_tiny_ones_hidden(shop: Any) -> None:
    """Below thirty people a difference says so; below five nothing of the arm is shown, nor a total that tells its size."""
    experiment = split(shop, treated=29, control=29)
    read = experiments.read(shop, experiment, ASK)
    assert all("too few to say" in e.note for e in read if e.id in ("difference", "mean") and e.value is not None)

    shop.db.execute("DELETE FROM assignments WHERE key_id > 4 AND arm = 'treated'")
    read = experiments.read(shop, experiment, ASK)

    about = [e for e in read if "treated" in (e.by.get("arm"), e.by.get("against")) or "arm" not in e.by]
    assert {(e.value, e.low, e.high, e.n) for e in about} == {(None, None, None, None)}


def test_what_cannot_be_read_is_said(shop: Any) -> None:
    """An unknown experiment, a control or a planned share that is no arm: one sentence with what is there instead.

    One that is configured and has nobody is no error, whether it goes by tags or by assignments.
    """
    experiment = split(shop)

    with pytest.raises(DataError, match=r"nobody is in an arm of experiment 'tests'.*Did you mean 'test'"):
        experiments.read(shop, Experiment("tests"), ASK)
    with pytest.raises(ConfigError, match="control 'contrl' is not an arm.*Did you mean 'control'"):
        experiments.read(shop, Experiment("test", control="contrl"), ASK)
    with pytest.raises(ConfigError, match="planned shares of experiment 'test' name trated"):
        experiments.read(shop, Experiment("test", planned_shares={"trated": 1.0}), ASK)
    planned = Experiment("tests", control="a")
    (none,) = experiments.read(shop, planned, Ask(now=0, experiments={"tests": planned}))
    assert (none.id, none.value, none.reason) == ("difference", None, "nobody")
    assert none.note.startswith("nobody is in an arm of experiment 'tests' by its assignments. Did you mean 'test'")
    *sizes, none = experiments.read(shop, Experiment("tagged", tags={"a": "x", "b": "y"}, control="a"), ASK)
    assert ([(e.id, e.value) for e in sizes], none.reason) == ([("arm_size", 0), ("arm_size", 0)], "nobody")
    assert experiments.known(shop, Ask(now=0, experiments={"a": experiment})) == {"a": experiment, "test": Experiment("test")}


def test_an_arm_without_people_is_shown_empty(shop: Any) -> None:
    """A configured tag that nobody carries is an arm with nobody, not a missing one."""
    shop.add("segments", segment_id=1, connection=1, kind="tag", vendor_id="1", name="mail")
    shop.load("memberships", key_id=range(10), segment_id=[1] * 10)

    read = experiments.read(shop, Experiment("half", tags={"a": "mail", "b": "nothing"}, control="b"), ASK)

    assert pick(read, "arm_size", arm="b").value == 0
    assert pick(read, "difference", outcome="conversion").value is None


def test_a_holdout_is_labelled_as_one(shop: Any) -> None:
    """What may claim a cause says by which design."""
    experiment = split(shop, holdout=True)

    assert {e.label for e in experiments.read(shop, experiment, ASK) if e.id == "difference"} == {"holdout"}
