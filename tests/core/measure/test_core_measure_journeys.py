"""Paths to an order and the comparison of models, as registered metrics over a store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from persync.engine import Engine, open_engine
from persync.measure.lifts import with_lift
from persync.measure.metric import Ask, Experiment, Metric
from persync.measure.registry import METRICS
from persync.measure.returns import caused
from persync.store.schema import DDL

DAY = 86_400_000
NOON = 1_700_049_600_000
PATHS: Metric = next(metric for metric in METRICS if metric.id == "journey_paths")
COMPARED: Metric = next(metric for metric in METRICS if metric.id == "model_comparison")
EMAIL, GOOGLE = 1, 2
ASK = Ask(now=NOON + 100 * DAY)


def store(path: Path, journeys: list[tuple[tuple[int, ...], int]], left_out: int = 0) -> Engine:
    """Write people with one order each: the channels of their touches, on the days before it, and the cents they spent.

    The first `left_out` people are the control of the experiment `test`, all others its treated.
    """
    with closing(sqlite3.connect(path)) as db:
        db.executescript(DDL)
        db.execute("INSERT INTO connections (connection, name, connector) VALUES (1, 'shop', 'shopify')")
        db.executemany("INSERT INTO words VALUES (?, ?)", [(EMAIL, "email"), (GOOGLE, "google")])
        for person, (touches, minor) in enumerate(journeys, 1):
            db.execute("INSERT INTO person_keys VALUES (?, 1, 'id', ?)", (person, str(person)))
            db.execute("INSERT INTO person_of VALUES (?, ?, ?)", (person, person, person * 7919))
            arm = "control" if person <= left_out else "treated"
            db.execute(
                "INSERT INTO assignments (connection, experiment, key_id, arm, assigned_at) VALUES (1, 'test', ?, ?, 0)",
                (person, arm),
            )
            for place, word in enumerate(reversed(touches), 1):
                row = (1, 0, person, 9, NOON - place * DAY, 0, place, "", None, None, word, word)
                db.execute("INSERT INTO touchpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            db.execute("INSERT INTO order_keys VALUES (?, 1, ?, '', '', '')", (person, str(person)))
            db.execute("INSERT INTO order_of VALUES (?, ?, 1)", (person, person))
            db.execute(
                "INSERT INTO orders (order_key, connection, kind, key_id, ordered_at, status, is_test, currency)"
                " VALUES (?, 1, 'order', ?, ?, 'paid', 0, 'EUR')",
                (person, person, NOON),
            )
            db.execute("INSERT INTO order_ledger VALUES (?, '1', 'sale', 'product', ?, ?, 'EUR')", (person, NOON, minor))
        db.commit()
    return open_engine(path)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Six e-mail > google, five google, three e-mail alone, two e-mail > e-mail, one of six touches, one without a touch."""
    shapes = [*[(EMAIL, GOOGLE)] * 6, *[(GOOGLE,)] * 5, *[(EMAIL,)] * 3, *[(EMAIL, EMAIL)] * 2, (EMAIL,) * 6, ()]
    found = store(tmp_path / "store.sqlite", [(shape, 1_000) for shape in shapes])
    yield found
    found.close()


def test_the_most_common_paths_are_told_and_those_of_few_people_only_together(engine: Engine) -> None:
    found = PATHS.compute(engine, ASK)

    assert {e.by["path"]: (e.value, e.n) for e in found if e.id == "journey_path"} == {
        "email > google": (6 / 17, 17),
        "google": (5 / 17, 17),
        "(other paths)": (6 / 17, 17),
    }
    ends = {(e.id, e.by["channel"]): e.value for e in found if "channel" in e.by}
    assert ends == {
        ("journey_first", "email"): 12 / 17,
        ("journey_first", "google"): 5 / 17,
        ("journey_last", "google"): 11 / 17,
        ("journey_last", "email"): 6 / 17,
    }


def test_a_rest_of_too_few_people_takes_the_smallest_path_with_it(engine: Engine) -> None:
    """With seven as the floor only paths together are left; with six the five of google would give nobody away alone."""
    found = PATHS.compute(engine, replace(ASK, suppress_n=7))

    assert [(e.by["path"], e.value) for e in found if e.id == "journey_path"] == [("(other paths)", 1.0)]


def test_length_and_days_are_medians_with_the_interval_of_their_ranks(engine: Engine) -> None:
    """Of 17 lengths 1 x 8, 2 x 8, 6: the ninth is 2; 95 % lies between the 4th and the 14th."""
    found = {e.id: e for e in PATHS.compute(engine, ASK) if not e.by}

    length, days = found["journey_length"], found["days_to_convert"]
    assert (length.value, length.low, length.high, length.n) == (2.0, 1.0, 2.0, 17)
    assert (days.value, days.low, days.high, days.unit) == (2.0, 1.0, 2.0, "days")
    assert length.note.startswith("median; the mean is 1.8")


def test_a_period_without_orders_is_null_with_the_reason(engine: Engine) -> None:
    found = PATHS.compute(engine, replace(ASK, period=(NOON + DAY, NOON + 2 * DAY)))

    assert {(e.id, e.value, e.reason) for e in found} == {
        ("journey_length", None, "no_touches"),
        ("days_to_convert", None, "no_touches"),
    }


def test_models_are_compared_by_rank_and_share(engine: Engine) -> None:
    """E-mail leads by first touch and google by last: both move by one place, which is robust."""
    found = COMPARED.compute(engine, ASK)

    shares = {(e.by["model"], e.by["channel"]): e.value for e in found if e.id == "credit_share" and e.value is not None}
    assert shares["first_touch", "email"] == pytest.approx(12 / 18)
    assert shares["last_touch", "email"] == pytest.approx(6 / 18)
    assert shares["linear", "(none)"] == pytest.approx(1 / 18)
    told = {(e.id, e.by["channel"]): (e.value, e.note) for e in found if e.id in ("rank_range", "credit_spread")}
    assert told["rank_range", "email"] == (1, "rank 1 to 2: robust")
    assert {e.reason for e in found if e.value is None} == {"too_few_conversions"}
    assert {e.by["model"] for e in found if e.value is None} == {"markov_removal", "shapley_rate", "hazard"}


def test_by_setting_e_mails_share_is_told_under_each(engine: Engine) -> None:
    """Half of a look-back of three days sees only the last touch of each journey."""
    found = COMPARED.compute(engine, replace(ASK, lookback_days=3, by=("setting",)))

    linear = {e.by["setting"]: e.value for e in found if e.by["model"] == "linear"}
    assert linear["look-back 1.5 days"] == pytest.approx(6 / 18)
    assert linear["as set"] == pytest.approx((6 * 0.5 + 3 + 2 + 1) / 18)
    assert set(linear) == {"as set", "look-back 1.5 days", "look-back 6 days", "with human opens"}


def test_the_lift_is_that_of_the_latest_holdout_that_can_be_read(tmp_path: Path) -> None:
    """Its share in the ledger is the very difference that the experiment is read by."""
    from persync.attribution.calibrate import against
    from persync.attribution.models import MODELS

    people = [((GOOGLE,), 900 + person) for person in range(10)] + [
        ((EMAIL, GOOGLE), 2_000 + 31 * person) for person in range(20)
    ]
    engine = store(tmp_path / "store.sqlite", people, left_out=10)
    window = {"since": NOON - DAY, "days": 5.0, "control": "control"}
    late = Experiment("late", tags={"treated": "t", "control": "c"}, since=NOON, days=1.0, control="control", holdout=True)
    ask = replace(ASK, experiments={"test": Experiment("test", **window), "late": late})  # type: ignore[arg-type]

    asked = with_lift(engine, ask)
    assert asked.lift is not None
    (linear,) = against(engine, [model for model in MODELS if model.name == "linear"], asked)

    assert asked.lift.experiment == "test"
    assert asked.lift.incremental == caused(engine, ask.experiments["test"], ask)[-1]
    credited = sum(2_000 + 31 * person for person in range(20)) / 2 / 100
    assert linear.credited.value == pytest.approx(credited, abs=0.2)
    assert linear.share.value == pytest.approx(asked.lift.incremental.value / linear.credited.value, abs=1e-9)  # type: ignore[operator]
    assert with_lift(engine, ASK).lift is None
    open_window = {"test": Experiment("test", since=NOON, days=1e4, control="control")}
    unread = with_lift(engine, replace(ASK, experiments=open_window)).lift
    assert unread is not None
    assert unread.incremental.reason == "immature"
    engine.close()
