"""`persync explain` of the demo's orders: each adds up, names every touch left out with its reason, and fits a terminal."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from e2e.world_store import stored
from persync.attribution.datadriven import prepared
from persync.attribution.explain import REASONS, Explained, explain_all
from persync.cli.explain import SHORT, _show
from persync.engine import Engine, open_engine
from persync.measure.metric import Ask
from persync.plugins import load_plugins
from persync.sandbox.demo import make_world

ORDERS = 120
WIDTH = 80
_SEEN = (
    "SELECT COUNT(*) AS n FROM touchpoints AS t JOIN (SELECT DISTINCT COALESCE(s.key_id, k.key_id) AS key_id FROM order_of AS f"
    " JOIN (SELECT o.order_key, o.key_id FROM orders AS o WHERE o.key_id IS NOT NULL UNION SELECT x.order_key, x.key_id"
    " FROM order_people AS x) AS k ON k.order_key = f.order_key LEFT JOIN person_of AS p ON p.key_id = k.key_id"
    " LEFT JOIN person_of AS s ON s.person = p.person WHERE f.order_id = :order_id) AS w ON w.key_id = t.key_id"
    " WHERE t.action IN (1, 3, 4, 9)"
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Ask]]:
    """The demo's store, and the question whose journeys begin after the order before."""
    world = make_world(7, people=400)
    with closing(open_engine(stored(world, tmp_path_factory.mktemp("explained") / "persync.db"))) as opened:
        yield opened, Ask(now=world.now, min_conversions=30, timezone="Europe/Berlin", path="since_last_order")


@pytest.fixture(scope="module")
def explained(engine: tuple[Engine, Ask]) -> tuple[list[tuple[int, Explained]], Ask]:
    """Orders of every registered model and a calibrated one."""
    opened, ask = engine
    models = prepared(opened, list(load_plugins().models.values()), ask)
    linear = next(model for model in models if model.name == "linear")
    mail = opened.rows("SELECT w.word FROM words AS w WHERE w.text = 'email'")[0]["word"]
    models.append(replace(linear, name="linear_calibrated", baseline={mail: 0.4}))
    assert {model.name for model in models if model.reason} == set()
    # The order of the store's numbers is that of the world's orders.
    numbers = [row["order_id"] for row in opened.rows("SELECT m.order_id FROM money_orders AS m ORDER BY m.order_id")]
    chosen = random.Random(3).sample(numbers, ORDERS)
    return list(zip(chosen, explain_all(opened, chosen, models, ask), strict=True)), ask


def test_every_explained_order_adds_up_and_holds_all_that_its_people_did(
    engine: tuple[Engine, Ask], explained: tuple[list[tuple[int, Explained]], Ask]
) -> None:
    seen: Counter[str] = Counter()
    for number, one in explained[0]:
        for model in one.models:
            held = [touch.shares[model.name] for touch in one.touches if model.name in touch.shares]
            if model.sums_to == "order":
                assert sum(share.minor for share in held) + sum(one.rests[model.name].values()) == one.minor
        assert len(one.touches) == engine[0].rows(_SEEN, {"order_id": number})[0]["n"]
        counted = [touch.position for touch in one.touches if not touch.reason]
        assert sorted(counted) == list(range(1, len(counted) + 1))
        assert {touch.position for touch in one.touches if touch.reason} <= {0}
        seen.update(touch.reason for touch in one.touches)

    assert seen.keys() <= {"", *REASONS}
    assert seen.keys() >= {"", "machine", "same_click", "kind_not_counted", "after_order", "before_previous_order"}


def test_every_explained_order_fits_a_terminal_and_names_each_reason(
    explained: tuple[list[tuple[int, Explained]], Ask], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    orders, ask = explained
    for _, one in orders:
        _show(one, ask, "net", "never")
        lines = capsys.readouterr().out.splitlines()

        assert max(map(len, lines)) <= WIDTH
        left_out = [touch for touch in one.touches if touch.reason]
        told: dict[str, Any] = Counter(line.split("  ")[-1].strip() or line.rstrip().rsplit("  ", 1)[-1] for line in lines)
        for reason, touches in Counter(touch.reason for touch in left_out).items():
            assert told[SHORT[reason]] == touches
            assert f"  {SHORT[reason]}: {REASONS[reason]}" in lines
