"""Ten stores' exports added up, against all ten pooled: the same totals, the same cells or bounds around them, and no key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.federate.stores import ASK, WOOL, Made, counted, given, make, pool
from persync.engine import open_engine
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.federate import document
from persync.federate.document import LEVEL, Export
from persync.federate.merge import Merged, as_estimate, merge
from persync.measure import METRICS, experiments
from persync.store.store import open_store


@dataclass
class Ten:
    stores: list[Made]
    exports: list[Export]
    files: list[Path]
    pooled: Engine
    merged: Merged


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Ten:
    """Ten stores: in three of them the youngest are 3 or 4 people, in the others none or many; one holds no age at all."""
    folder = tmp_path_factory.mktemp("ten")
    sizes = [(12, 25, 20, 15), (3, 25, 20, 15), (0, 30, 20, 15), (4, 40, 12, 15), (20, 20, 20, 20)] * 2
    stores = [make(folder / f"s{i}.db", i + 1, sizes=one) for i, one in enumerate(sizes[:9])]
    stores.append(make(folder / "s9.db", 10, sizes=(0, 0, 0, 0)))
    exports = [given(made) for made in stores]
    files = []
    for made, one in zip(stores, exports, strict=True):
        files.append(made.path.with_suffix(".json"))
        document.write(files[-1], one)
    read = [document.read(file) for file in files]
    assert read == exports
    pooled = open_engine(pool(stores, folder / "all.db"))
    return Ten(stores, exports, files, pooled, merge(read, [file.name for file in files], ASK))


def test_totals_are_those_of_the_pooled_data_to_the_cent(ten: Ten) -> None:
    """Counted by hand over all people, every measure and currency."""
    found = {(one.measure, one.currency, one.group): one.low for one in ten.merged.sums if not one.attribute}

    assert all(one.is_exact for one in ten.merged.sums if not one.attribute)
    assert found == {key: n for key, n in counted(ten.stores).items() if key[2] == ""}
    assert len(found) == 10 + 2 * 8


def test_a_cell_is_the_pooled_one_where_every_store_shows_it_and_lies_between_bounds_elsewhere(ten: Ten) -> None:
    """The youngest are few in some stores: there the cell is folded, and another with it."""
    by_hand = counted(ten.stores)
    cells = [one for one in ten.merged.sums if one.attribute == "age" and one.group not in ("", "suppressed")]

    assert {one.group for one in cells} == {"18-29", "30-44", "45-59", "60+", "unknown"}
    for one in cells:
        true = by_hand.get((one.measure, one.currency, one.group), 0)
        assert one.high is not None
        assert one.low <= true <= one.high
        assert one.is_exact == (one.low == true == one.high)
    exact = {one.group for one in cells if one.measure == "people" and one.is_exact}
    folds = {group for group in by_hand_groups() if folded_somewhere(ten.exports, "mail", group)}
    assert exact == by_hand_groups() - folds
    assert exact == {"30-44", "45-59"}


def by_hand_groups() -> set[str]:
    return {"18-29", "30-44", "45-59", "60+", "unknown"}


def folded_somewhere(exports: Sequence[Export], family: str, group: str) -> bool:
    tables = [table for one in exports for table in one.tables if table.family == family and table.attribute == "age"]
    return any(table.suppressed is not None and group not in table.groups for table in tables)


def test_no_cell_of_fewer_than_five_leaves_and_no_total_gives_one_away(ten: Ten) -> None:
    """What is folded is of two groups or more and of five people or more; with the shown cells it is the total."""
    true = [counted([made]) for made in ten.stores]
    folds = 0
    for one, by_hand in zip(ten.exports, true, strict=True):
        for table in one.tables:
            first = document.MEASURES[table.family][0]
            cells = [*table.groups.values(), *([table.suppressed] if table.suppressed else [])]
            assert not any(0 < cell[first] < 5 for cell in [table.total, *cells])
            if table.suppressed is not None and table.attribute == "age":
                gone = by_hand_groups() - set(table.groups)
                folds += 1
                assert len(gone) >= 2
                assert table.suppressed[first] == sum(by_hand.get((first, table.currency, group), 0) for group in gone)
    assert folds >= 10


def test_reach_rates_and_experiments_are_those_of_the_pooled_data(ten: Ten) -> None:
    """Counts and Newcombe's intervals exactly, Welch's on cents exactly, on imported numbers to the last digits."""
    pooled = {metric.id: metric for metric in METRICS}
    rates = {"delivery_rate": "delivery_rate", "unsubscribe_rate": "unsubscribe_rate", "complaint_rate": "complaint_rate"}
    found = {one.id: one for one in ten.merged.estimates if "experiment" not in one.by}
    for id, metric in rates.items():
        (wanted,) = pooled[metric].compute(ten.pooled, ASK)
        assert found[id] == wanted

    reach = {e.by["level"]: e for e in pooled["exposure"].compute(ten.pooled, ASK)}
    levels = {one.group: one for one in ten.merged.sums if one.attribute == LEVEL and one.group != ""}
    assert {level: one.low for level, one in levels.items() if one.low} == {
        level: round((e.value or 0) * (e.n or 0)) for level, e in reach.items() if e.value
    }

    wanted_all = experiments.read(ten.pooled, WOOL, ASK)
    found_all = [one for one in ten.merged.estimates if "experiment" in one.by]
    assert [key(one) for one in found_all] == [key(one) for one in wanted_all]
    assert {one.by["outcome"] for one in found_all if "outcome" in one.by} == {"conversion", "visited", "minutes", "revenue"}
    for mine, theirs in zip(found_all, wanted_all, strict=True):
        if mine.by.get("outcome") == "minutes":
            assert close(mine, theirs)
        else:
            assert mine == theirs


def key(one: Estimate) -> tuple[str, tuple[tuple[str, str], ...]]:
    return one.id, tuple(one.by.items())


def close(a: Estimate, b: Estimate) -> bool:
    ends = [(getattr(a, name), getattr(b, name)) for name in ("value", "low", "high", "p")]
    return all(x == y or x == pytest.approx(y, rel=1e-9) for x, y in ends) and replace(
        a, value=0, low=0, high=0, p=0
    ) == replace(b, value=0, low=0, high=0, p=0)


def test_no_key_of_anybody_and_no_order_leaves(ten: Ten) -> None:
    """No keyed hash, no person's number hash, no order of any store stands in its file."""
    for made, file in zip(ten.stores, ten.files, strict=True):
        text = file.read_text("utf-8")
        with open_store(made.path) as store:
            names = [name for (name,) in store.db.execute("SELECT key FROM person_keys")]
            names += [str(n) for (n,) in store.db.execute("SELECT hash FROM person_of")]
            names += [f'"{name}"' for (name,) in store.db.execute("SELECT vendor_order_id FROM order_keys")]
            assert store.key.fingerprint not in text
        assert not [name for name in names if name in text]
        assert "People are counted in this store alone" in text


def test_a_store_has_one_name_that_only_its_key_gives(ten: Ten) -> None:
    """The same in every export, another for every store."""
    again = given(ten.stores[0], replace(ASK, period=None))

    assert again.store == ten.exports[0].store
    assert len({one.store for one in ten.exports}) == 10


def test_a_sum_with_bounds_has_no_value(ten: Ten) -> None:
    """For machines: null with the reason, both ends, and how many stores hide it."""
    one = next(one for one in ten.merged.sums if one.measure == "sales" and one.group == "18-29" and one.currency == "EUR")

    made = as_estimate(one)

    assert (made.value, made.reason, made.unit) == (None, "suppressed", "EUR")
    assert (made.low, made.high) == (one.low / 100, (one.high or 0) / 100)
    assert made.note == f"bounds: {one.hidden} of 10 stores fold it into other cells or leave it out"


def test_a_currency_that_few_paid_in_is_left_out_and_the_sum_has_no_upper_end(ten: Ten, tmp_path: Path) -> None:
    """One person's dollars are theirs: the others' sum is `at least`, euros stay exact."""
    made = make(tmp_path / "few.db", 77, people=9, sizes=(0, 9, 0, 0))
    few = given(made)

    together = merge([ten.exports[0], few], ["a", "b"], ASK)

    assert [what for what in few.withheld if what.startswith("money in USD")] == ["money in USD: fewer than 5 have paid in it"]
    sales = {one.currency: one for one in together.sums if one.measure == "sales" and not one.attribute}
    wanted = counted([ten.stores[0], made])
    assert sales["EUR"].low == sales["EUR"].high == wanted["sales", "EUR", ""]
    assert sales["USD"].low == counted([ten.stores[0]])["sales", "USD", ""]
    assert sales["USD"].high is None
