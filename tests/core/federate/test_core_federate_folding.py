"""No number of an exported file gives a folded cell away: whoever solves for the cells finds them no smaller than any other."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from core.federate.attacker import AT_MOST, Name, attack, lacking, unlisted
from core.federate.stores import ASK, GROUPS, Made, counted, given, make
from persync.federate import document, fold, within
from persync.federate.document import AMOUNTS, LEVEL, MEASURES, ONCE, PAYERS_OF, Export, Table
from persync.federate.export import Wish
from persync.federate.merge import merge
from persync.measure.people import LEVELS
from persync.store.store import open_store

AGES = (*GROUPS, "unknown")
FLOOR = ASK.suppress_n
TRUE = dict[tuple[str, str, str, str], int]
"""{(family, attribute, currency, group): its people}"""


def told(export: Export, groups: tuple[str, ...], true: dict[tuple[str, str, str, str, str], int]) -> Iterator[str]:
    """Yield what the file tells of cells that it does not list: a value, or that they are of fewer than the floor."""
    known = attack(export, {"age": groups})
    tables = {table.key: table for table in export.tables}
    for name in known.names:
        family, attribute, currency, group, measure = name
        value = true.get(name, 0)
        if not value:
            continue  # nobody: a sum of nothing is nothing in each of its parts
        table = tables[family, attribute, currency]
        is_listed = group in table.groups
        if is_listed and not is_small(true, name, table, export.floor):
            continue  # it is left out for the sake of another, and large enough to be told
        low, high = known.bounds(name)
        assert low - 1e-6 <= value <= high + 1e-6, f"the attacker is wrong about {name}"
        # Of a total so small everybody knows that no part of it is larger.
        floor = min(export.floor, table.total[measure])
        if high - low < 0.5:
            yield f"{name} is {value}"
        elif (is_listed or measure == MEASURES[family][0]) and value < floor and high < floor - 1e-6:
            yield f"{name} is at most {high:g}"


def is_small(true: Mapping[Name, int], name: Name, table: Table, floor: int) -> bool:
    """Tell whether a number is of a few of a listed cell: of who did something, who did not, or whom an amount is of."""
    *key, measure = name
    value = true.get(name, 0)
    if measure in AMOUNTS:
        return (*key, PAYERS_OF[measure]) in true and 0 < true[*key, PAYERS_OF[measure]] < floor
    wholes = [more for less, more in AT_MOST[table.family] if less == measure and more in table.total]
    wholes = [more for more in wholes if (more in ONCE) == (measure in ONCE)]  # not people against things
    return 0 < value < floor or any(0 < true.get((*key, more), 0) - value < floor for more in wholes)


def by_hand(made: Made) -> dict[tuple[str, str, str, str, str], int]:
    """Return what is in every cell of a store, folded or not."""
    out: dict[tuple[str, str, str, str, str], int] = {}
    for (measure, currency, group), n in counted([made]).items():
        if group:
            out["money" if currency else "mail", "age", currency, group, measure] = n
    for (person, currency), done in made.money.items():
        for amount, payers in PAYERS_OF.items():
            key = "money", "age", currency, made.groups.get(person, "unknown"), payers
            out[key] = out.get(key, 0) + (done[amount] > 0)
    with open_store(made.path) as store:
        rows = store.db.execute(
            "SELECT key_id, max(g.level), max(g.level IS NULL) FROM touchpoints JOIN campaign_levels g USING (campaign_key)"
            " WHERE action = 1 AND happened_at >= ? GROUP BY key_id",
            (ASK.period[0] if ASK.period else 0,),
        ).fetchall()
    reached = Counter(
        str(level) if level is not None and level >= 2 else "unknown" if unclear else str(level) for _, level, unclear in rows
    )
    return out | {("exposure", LEVEL, "", level, "mailed"): n for level, n in reached.items()}


SMALL = [
    (14, (0, 5, 4, 3)),
    (30, (3, 12, 9, 4)),
    (22, (1, 1, 1, 1)),
    (40, (2, 20, 12, 5)),
]


@pytest.mark.parametrize(("people", "sizes"), SMALL)
def test_no_folded_cell_of_a_store_can_be_worked_out_from_its_file(tmp_path: Path, people: int, sizes: tuple[int, ...]) -> None:
    """People, mail, levels and money by age, of stores whose groups and levels are small."""
    made = make(tmp_path / "s.db", 31 + people, people=people, sizes=sizes)
    export = given(made)
    file = tmp_path / "s.json"
    document.write(file, export)

    assert list(told(document.read(file), AGES, by_hand(made))) == []
    assert any(table.suppressed for table in export.tables)


def shop(seed: int) -> tuple[Export, dict[tuple[str, str, str, str, str], int]]:
    """Return an export of made-up counts, folded as a store's are, and what is in its cells."""
    draw = random.Random(seed)
    groups = {name: draw.choice((0, 1, 2, 4, 6, 30)) for name in "abcdefg"[: draw.randrange(2, 8)]}
    groups["z"] = 9
    true: dict[tuple[str, str, str, str, str], int] = {}
    levels: Counter[str] = Counter()
    likely = [draw.choice((0, 0, 1, 9)) for _ in LEVELS]
    for group, size in groups.items():
        for _ in range(size):
            level = draw.choices(LEVELS, [n + 0.01 for n in likely])[0] if draw.random() < 0.9 else ""
            levels[level] += level != ""
            sends = draw.randrange(1, 4) if level else 0
            did = {
                "people": 1, "mailed": int(level != ""), "personalised": int(level in ("2", "3", "4")),
                "unclear": int(level == "unknown"), "sends": sends, "delivered": draw.randrange(sends + 1),
                "clickers": int(clicks := draw.random() < 0.3 and level != ""), "clicks": int(clicks),
                "unsubscribes": int(level != "" and draw.random() < 0.1),
                "complaints": int(level != "" and draw.random() < 0.05),
            }  # fmt: skip
            for measure, n in did.items():
                key = "mail", "age", "", group, measure
                true[key] = true.get(key, 0) + n
            if draw.random() < 0.5:
                for measure, n in {"payers": 1, "buyers": 1, "orders": 1, "sales": draw.randrange(900, 9000)}.items():
                    key = "money", "age", "EUR", group, measure
                    true[key] = true.get(key, 0) + n

    def cells(family: document.Family, currency: str = "") -> dict[str, document.Cell]:
        found = {
            group: {one: true.get((family, "age", currency, group, one), 0) for one in MEASURES[family]} for group in groups
        }
        return {group: cell for group, cell in found.items() if cell[MEASURES[family][0]]}

    mail, gone = fold.folded("mail", "age", cells("mail"), FLOOR)
    exposure, is_told = fold.levels({level: levels[level] for level in LEVELS}, FLOOR)
    true |= {("exposure", LEVEL, "", level, "mailed"): levels[level] for level in LEVELS}
    tables: list[Table] = [Table(family="mail", total=mail.total), mail]
    tables = tables if is_told else [fold.unlevelled(table) for table in tables]
    tables = [within.given(table, FLOOR) for table in tables]
    if not fold.withheld(exposure.total, "exposure", FLOOR):
        tables.append(exposure)
    money = cells("money", "EUR")
    if not fold.withheld(fold.added(money.values(), "money"), "money", FLOOR):
        tables.append(within.given(fold.folded("money", "age", money, FLOOR, currency="EUR", also=gone)[0], FLOOR))
    export = Export(
        persync="1", store="0" * 32, made_at=0, period=None, timezone="UTC", basis="net", floor=FLOOR, sets=("mail", "money"),
        tables=tuple(tables),
    )  # fmt: skip
    return export, true


@pytest.mark.parametrize("seeds", [range(i, i + 10) for i in range(0, 40, 10)], ids=str)
def test_no_folded_cell_of_made_up_counts_can_be_worked_out(seeds: range) -> None:
    """Forty seeds: groups and levels of nobody, of one person and of many."""
    folds = lacks = 0
    for seed in seeds:
        export, true = shop(seed)
        groups = tuple({key[3] for key in true if key[1] == "age"})
        folds += sum(bool(unlisted(table, groups)) for table in export.tables)
        lacks += sum(len(lacking(table)) for table in export.tables)

        assert list(told(export, groups, true)) == [], f"seed {seed}"
    assert folds > 10
    assert lacks > 50


def test_the_attacker_finds_what_a_total_beside_one_hidden_cell_gives_away() -> None:
    """The checks above can fail: by a cell that is folded alone, and by a level that `unclear` tells."""
    alone = fold.without("exposure", LEVEL, {"2": {"mailed": 3}, "0": {"mailed": 40}}, frozenset({"2"}))
    cell = dict.fromkeys(MEASURES["mail"], 0) | {"people": 60, "mailed": 43, "personalised": 40, "unclear": 3, "sends": 60}
    beside = fold.without("exposure", LEVEL, {"2": {"mailed": 40}, "unknown": {"mailed": 3}}, frozenset({"2", "unknown"}))
    export, _ = shop(1)

    one = replace_tables(export, alone)
    two = replace_tables(export, Table(family="mail", total=cell), beside)

    hidden = ("exposure", LEVEL, "", "2", "mailed"), ("exposure", LEVEL, "", "unknown", "mailed")
    assert list(told(one, (), {hidden[0]: 3})) == [f"{hidden[0]} is at most 3"]
    assert list(told(two, (), {hidden[0]: 40, hidden[1]: 3})) == [f"{hidden[1]} is 3"]


def test_the_attacker_finds_a_small_count_that_one_cell_alone_does_not_tell() -> None:
    """Two complaints left out of one cell are the total less the other's; the file that says so is refused."""
    cells = {name: dict.fromkeys(MEASURES["mail"], 0) | {"people": 60, "mailed": 60, "sends": 60} for name in "ab"}
    cells["a"] |= {"complaints": 2}
    cells["b"] |= {"complaints": 9}
    whole = fold.without("mail", "age", cells, frozenset())
    told_alone = {name: n for name, n in whole.groups["a"].items() if name != "complaints"}
    alone = whole.model_copy(update={"groups": {**whole.groups, "a": told_alone}})
    export, _ = shop(1)

    hidden = "mail", "age", "", "a", "complaints"
    true = {("mail", "age", "", name, one): n for name, cell in cells.items() for one, n in cell.items()}
    covered = within.given(whole, FLOOR)
    assert list(told(replace_tables(export, alone), ("a", "b"), true)) == [f"{hidden} is 2"]
    assert list(told(replace_tables(export, covered), ("a", "b"), true)) == []
    assert lacking(covered) == [("a", "complaints"), ("b", "complaints")]
    assert covered.total == whole.total
    assert not document._adds_up("complaints", 11, list(alone.groups.values()))


def test_a_total_that_is_small_itself_stays_and_no_group_tells_its_part() -> None:
    """Three complaints in the store: that is given away, and which of four groups they are of is not."""
    cells = {name: dict.fromkeys(MEASURES["mail"], 0) | {"people": 40, "mailed": 40, "sends": 40} for name in "abcd"}
    cells["a"] |= {"complaints": 3}

    given_away = within.given(fold.without("mail", "age", cells, frozenset()), FLOOR)

    assert given_away.total["complaints"] == 3
    assert lacking(given_away) == [(name, "complaints") for name in "abcd"]


def test_few_of_an_arm_who_bought_or_did_not_are_no_number_of_the_file(tmp_path: Path) -> None:
    """Two of about forty in an arm visited: the outcome is left out with the reason, the sizes of the arms stay."""
    few = "UPDATE outcomes SET value = CASE WHEN key_id < 4 THEN 1.0 ELSE 0.0 END WHERE outcome = 'visited'"
    (wool,) = given(in_euros(tmp_path / "few.db", 7, few)).experiments

    assert (wool.outcomes["visited"].reason, wool.outcomes["visited"].arms) == ("suppressed", {})
    assert sum(wool.arms.values()) == 80
    assert wool.outcomes["minutes"].arms


def replace_tables(export: Export, *tables: Table) -> Export:
    return export.model_copy(update={"tables": tables})


def in_euros(path: Path, seed: int, *more: str) -> Made:
    """Make a store of one currency, changed by further statements."""
    made = make(path, seed)
    with open_store(path) as store, store.transaction() as db:
        for sql in ("UPDATE orders SET currency = 'EUR'", "UPDATE order_ledger SET currency = 'EUR'", *more):
            db.execute(sql)
    return made


GUESTS = ("UPDATE orders SET key_id = NULL WHERE key_id < 12",)


def test_what_all_arms_leave_of_the_total_is_not_the_money_of_a_few(tmp_path: Path) -> None:
    """Guests are in no arm: of many the total tells nothing, of a few it would be what they spent."""
    many = given(in_euros(tmp_path / "many.db", 5, *GUESTS))
    few = given(in_euros(tmp_path / "few.db", 5))
    apart = given(in_euros(tmp_path / "apart.db", 5), wish=Wish(sets=("experiments",)))

    revenue, payers = [], []
    for export in (many, few, apart):
        (wool,) = export.experiments
        revenue.append(wool.outcomes["revenue"])
        payers += [table.total["payers"] for table in export.tables if table.family == "money" and not table.attribute]
    left = [n - sum(arm.events for arm in apart.experiments[0].outcomes["revenue"].arms.values()) for n in payers]
    assert (revenue[0].reason, revenue[1].reason, revenue[2].reason) == (None, "suppressed", None)
    assert revenue[1].arms == {}
    assert left[1] == 4
    assert payers[0] - sum(arm.events for arm in revenue[0].arms.values()) >= FLOOR


def drawn_again(people: int, *more: str) -> tuple[str, ...]:
    """Draw as many people into the other arm as well."""
    other = "CASE arm WHEN 'treated' THEN 'control' ELSE 'treated' END"
    twice = f"INSERT INTO assignments SELECT 2, experiment, key_id, {other}, assigned_at, 0.5 FROM assignments"
    return f"{twice} WHERE key_id <= {people}", *more


OTHERS = tuple(
    sql
    for number in range(900, 930)
    for sql in (
        f"INSERT INTO person_keys VALUES ({number}, 0, 'email', '{number:032d}')",
        f"INSERT INTO person_of VALUES ({number}, {number}, {number})",
    )
)


def test_people_in_several_arms_are_counted_where_they_are_many_and_can_be_told_apart_from_nobody(tmp_path: Path) -> None:
    """Three of them are no number of the file; where nobody else is without an arm, the sizes would tell them too."""
    many = given(in_euros(tmp_path / "many.db", 6, *drawn_again(7)))
    few = given(in_euros(tmp_path / "few.db", 6, *drawn_again(3, *OTHERS)))
    alone = given(in_euros(tmp_path / "alone.db", 6, *drawn_again(3)))

    assert [one.mixed for one in (*many.experiments, *few.experiments)] == [7, None]
    assert alone.experiments == ()
    assert "experiment wool: fewer than 5 people are in several arms, and hardly anybody is in none" in alone.withheld
    told = {one.id: one for one in merge([many, few], ["a", "b"], ASK).estimates if "experiment" in one.by}
    assert (told["contamination"].value, told["contamination"].reason) == (None, "suppressed")


def test_a_count_by_level_that_a_store_leaves_out_lies_between_bounds(tmp_path: Path) -> None:
    """Where few got a letter whose level nobody knows: nobody up to all who were mailed, and the sum of the others as it is."""
    small, large = make(tmp_path / "a.db", 45, people=14, sizes=(0, 5, 4, 3)), make(tmp_path / "b.db", 2)
    exports = [given(small), given(large)]
    true = counted([small, large])

    found = {(one.measure, one.group): one for one in merge(exports, ["a", "b"], ASK).sums if one.attribute == "age"}

    assert "personalised" not in exports[0].tables[0].total
    assert exports[0].withheld[0].startswith("personalised and unclear: one of them")
    large_alone, mailed = counted([large])["unclear", "", ""], counted([small])["mailed", "", ""]
    one = found["unclear", ""]
    assert (one.low, one.high, one.hidden) == (large_alone, large_alone + mailed, 1)
    for (measure, group), cell in found.items():
        if group != "suppressed" and not cell.currency:
            assert cell.low <= true.get((measure, "", group), 0) <= (cell.high or 0)


def test_a_store_that_shows_small_groups_on_its_screen_gives_the_same_file_away(tmp_path: Path) -> None:
    made = make(tmp_path / "few.db", 2, sizes=(1, 25, 20, 15))
    shown = given(made, replace(ASK, suppress_n=1))

    assert shown == given(made)
    assert (shown.floor, given(made, replace(ASK, suppress_n=8)).floor) == (5, 8)
