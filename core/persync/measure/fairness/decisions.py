"""The fairness of a decision about people: who is selected, of those who deserved it, wrongly, and how often rightly.

`selected` is the decision, `qualified` what turned out. The measures are named as in fairlearn; equalised odds holds the
worse of two rates, so its interval is drawn from the counts themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.engine.engine import Engine
from persync.errors import DataError, nearest
from persync.estimate import RAW, Estimate
from persync.measure import intervals, rules
from persync.measure.fairness import directions
from persync.measure.fairness.averages import Sample, averages
from persync.measure.fairness.cells import Cells, decided
from persync.measure.fairness.draws import Odds, odds
from persync.measure.fairness.frame import Frame
from persync.measure.fairness.groups import Groups, Table, hidden_crossed, is_known
from persync.measure.fairness.parities import ONE_GROUP, homogeneity, rates
from persync.measure.fairness_settings import Direction
from persync.measure.intervals import Interval
from persync.measure.metric import Ask
from persync.measure.texts import bounds, join, piece, run

Row = Mapping[str, Any]

NO_LABELS: Final = "no_labels"
NO_SCORES: Final = "no_scores"
NOT_A_SHARE: Final = "score_not_a_share"
NOBODY_QUALIFIED: Final = "nobody_qualified"
CANNOT_ALL_HOLD: Final = (
    "the groups' base rates differ, so demographic parity, equal opportunity and predictive parity cannot all hold"
)
WRONG_WAY_ROUND: Final = "right less often than not: the score looks the wrong way round"
STRANGERS: Final = "decided about, and known to the store from nothing else: is the file's column of people the right one?"
NOBODY_SENT: Final = "no_sends"
LABELLED: Final = ("equal_opportunity", "equalised_odds", "predictive_parity")
_RATES: Final = {"equal_opportunity": "true_positive", "equalised_odds": "equalised_odds", "predictive_parity": "precision"}


def assess(engine: Engine, groups: Groups, ask: Ask, decision: str) -> list[Estimate]:
    """Assess an imported decision by one grouping; see `assess_each`."""
    return assess_each(engine, [groups], ask, decision)


def assess_each(engine: Engine, groupings: Sequence[Groups], ask: Ask, decision: str) -> list[Estimate]:
    """Assess an imported decision by each grouping, all of them from one pass over the people.

    Each as `frames` and, where scores are known, `calibration`; with `unsent_rate`, the
    share of those selected who were sent nothing in the period (null, `no_sends`, where none of them was sent anything), and
    `strangers_share` where there is one.

    Raises DataError when the store holds no such decision.
    """
    known = names(engine)
    if decision not in known:
        hint = nearest(decision, known) or "Import decisions first."
        raise DataError(f"the store holds no decision '{decision}'.", hint=hint)
    scores = "SELECT COUNT(d.score) AS n FROM decisions AS d WHERE d.decision = :decision"
    has_scores = bool(run(engine, scores, {"decision": decision})[0]["n"])
    return assess_table(engine, groupings, ask, decision, "decisions", has_scores=has_scores)


def names(engine: Engine) -> list[str]:
    """Return the names of the imported decisions."""
    return [
        str(row["decision"]) for row in engine.rows("SELECT DISTINCT d.decision AS decision FROM decisions AS d ORDER BY 1")
    ]


def assess_table(
    engine: Engine, groupings: Sequence[Groups], ask: Ask, decision: str, table: str, *, has_scores: bool
) -> list[Estimate]:
    """Assess a decision that a table of the columns of `decisions` holds; calibration is read from `decisions` alone."""
    named = list(dict.fromkeys(name for groups in groupings for name in groups.names))
    cells = decided(engine, named, ask, decision, table)
    return [one for groups in groupings for one in _by(engine, cells, groups, ask, decision, has_scores=has_scores)]


def _by(
    engine: Engine,
    cells: Cells,
    groups: Groups,
    ask: Ask,
    decision: str,
    *,
    has_scores: bool,
) -> list[Estimate]:
    by = {"attribute": groups.title, "decision": decision}
    rows = cells.by(groups)
    if not rows:
        note = "nobody was decided about in this period"
        return [rules.absent("selection_rate", rules.NO_DENOMINATOR, by, unit="share", n=0, note=note)]
    out = [one for frame in frames(rows, groups, ask, by).values() for one in frame.estimates()]
    if cells.strangers:
        share = rules.share("strangers_share", cells.strangers, cells.people, ask, by)
        out.append(rules.with_note(share, STRANGERS))
    out += accuracy(rows, groups, ask, by)
    out += _unsent(rows, groups, ask, by)
    texts = (piece("decided"), groups.text, piece("calibration_by_group"))
    params = {**groups.params, **bounds(ask.period), "decision": decision}
    tenths = run(engine, join(*texts), params) if has_scores else []
    return [*out, *calibration(tenths, rows, groups, ask, by)]


def _unsent(rows: Sequence[Row], groups: Groups, ask: Ask, by: Mapping[str, str]) -> list[Estimate]:
    """Return who of those selected was sent nothing; null where none of them was: the mail is not known, or went elsewhere."""
    selected = sum(int(row["selected"]) for row in rows)
    if selected and selected == sum(int(row["unsent"]) for row in rows):
        note = "nobody selected is known to have been sent anything in this period"
        return [rules.absent("unsent_rate", NOBODY_SENT, by, unit="share", note=note)]
    held_back = {row["name"]: (int(row["unsent"]), int(row["selected"])) for row in rows}
    hide = _hidden(rows, groups, ask, "selected")
    return rates("unsent", held_back, hide, ask, by, spread="unsent_parity").estimates()


def frames(
    rows: Sequence[Row], groups: Groups, ask: Ask, by: Mapping[str, str], direction: Direction | None = None
) -> dict[str, Frame]:
    """Return {measure: its frame} of rows of `name`, `people`, `selected`, `labelled`, `qualified`, `hits` (selected and
    qualified) and `misses` (selected and not).

    `demographic_parity` is of P(selected), `base_rate` of P(qualified), `equal_opportunity` of P(selected | qualified),
    `false_positive` of P(selected | not qualified), `equalised_odds` of the worse of the two, `predictive_parity` of
    P(qualified | selected). Without labels the others are null,
    `no_labels`. `direction` is that of being selected, as `directions` has it unless given.
    """
    direction = direction or directions.of("selection_rate", ask, by.get("decision"))
    counts = {row["name"]: {key: int(row[key]) for key in row if key != "name"} for row in rows}
    hide = _hidden(rows, groups, ask)
    selected = {name: (row["selected"], row["people"]) for name, row in counts.items()}
    out = {"demographic_parity": rates("selection", selected, hide, ask, by, direction=direction)}
    if not any(row["labelled"] for row in counts.values()):
        for id in LABELLED:
            overall = rules.absent(f"{_RATES[id]}_rate", NO_LABELS, by, unit="share")
            out[id] = Frame(overall, {}, rules.absent(id, NO_LABELS, by, unit="share", label=RAW))
        return out
    base = {name: (row["qualified"], row["labelled"]) for name, row in counts.items()}
    hits = {name: (row["hits"], row["qualified"]) for name, row in counts.items()}
    false = {name: (row["misses"], row["labelled"] - row["qualified"]) for name, row in counts.items()}
    precise = {name: (row["hits"], row["hits"] + row["misses"]) for name, row in counts.items()}
    chosen = _hidden_if_chosen(rows, groups, ask)
    shown = {name: cell for name, cell in base.items() if name not in hide and cell[1] > 0}
    differ = homogeneity("base", shown, ask, by)
    note = CANNOT_ALL_HOLD if differ.p is not None and differ.p < 1 - ask.confidence else ""
    out = {
        **out,
        "base_rate": rates("base", base, hide, ask, by, spread="base_rate_parity", judged=False),
        "equal_opportunity": rates(
            "true_positive", hits, chosen, ask, by, direction=direction, spread="equal_opportunity", empty=NOBODY_QUALIFIED
        ),
        "false_positive": rates("false_positive", false, chosen, ask, by, direction=direction, spread="false_positive_parity"),
        "predictive_parity": rates("precision", precise, chosen, ask, by, spread="predictive_parity"),
    }
    if _few_chosen(rows, ask):
        for id in ("equal_opportunity", "false_positive"):
            out[id] = replace(out[id], overall=rules.suppressed(out[id].overall.id, ask, by, unit="share"))
    out["equalised_odds"] = _equalised(hits, false, chosen, ask, by)
    for id in ("demographic_parity", "equal_opportunity", "equalised_odds", "predictive_parity"):
        out[id] = replace(out[id], difference=rules.with_note(out[id].difference, note))
    return out


def _hidden(rows: Sequence[Row], groups: Groups, ask: Ask, *more: str) -> frozenset[str]:
    """Return the groups to hide in the tables of people, of those labelled, qualified and not, and of `more`."""
    tables = [{row["name"]: int(row[key]) for row in rows} for key in ("people", "labelled", "qualified", *more)]
    tables.append({row["name"]: int(row["labelled"]) - int(row["qualified"]) for row in rows})
    return groups.hidden(tables, ask)


def _hidden_if_chosen(rows: Sequence[Row], groups: Groups, ask: Ask) -> frozenset[str]:
    """Return the groups to hide in all that tells what came of those selected, where these are few.

    Any two of precision, true positives, false positives and accuracy tell the others, with the share selected and the base
    rate, which stay: a group of thousands of whom three were chosen must be found.
    """
    some = [{**row, "chosen": int(row["hits"]) + int(row["misses"])} for row in rows]
    return _hidden(some, groups, ask, "chosen")


def _few_chosen(rows: Sequence[Row], ask: Ask) -> bool:
    """Tell whether so few were selected of all groups together that what came of them is hidden on the whole as well."""
    return 0 < sum(int(row["hits"]) + int(row["misses"]) for row in rows) < ask.suppress_n


def _equalised(
    hits: Mapping[str, tuple[int, int]],
    false: Mapping[str, tuple[int, int]],
    hide: frozenset[str],
    ask: Ask,
    by: Mapping[str, str],
) -> Frame:
    """Return the worse of the gaps in true and in false positives, over the known groups large enough in both."""
    overall = rules.absent("equalised_odds_rate", "not_one_number", by, unit="share")
    names = [name for name in hits if name not in hide and is_known(name)]
    large = [name for name in names if all(cells[name][1] >= ask.report_n for cells in (hits, false))]
    pool = large if len(large) > 1 else [name for name in names if hits[name][1] > 0 and false[name][1] > 0]
    if len(pool) < 2:
        made = rules.absent("equalised_odds", rules.SUPPRESSED if hide else ONE_GROUP, by, unit="share", label=RAW)
        return Frame(overall, {}, made, more=())
    found: Odds = odds([(*hits[name], *false[name]) for name in pool], ask.seed, ask.confidence)
    n = sum(hits[name][1] + false[name][1] for name in pool)
    note = f"the worse of true and false positives over {len(pool)} groups; interval from 1,000 draws"
    if len(large) < 2:
        note = f"{rules.TOO_FEW}; {note}"
    worse = "equal_opportunity" if found.of_hits else "false_positive"
    where = {**by, "of": worse}

    def told(statistic: str, unit: str, interval: Interval) -> Estimate:
        made = rules.from_interval("equalised_odds", interval, n=n, unit=unit, by={**where, "statistic": statistic}, label=RAW)
        return rules.with_note(made, note)

    return Frame(overall, {}, told("difference", "share", found.difference), told("ratio", "ratio", found.ratio))


def accuracy(rows: Sequence[Row], groups: Groups, ask: Ask, by: Mapping[str, str]) -> list[Estimate]:
    """Return how often the decision was right, and the balance of the labels; a warning where it is surely below a half."""
    labelled = sum(int(row["labelled"]) for row in rows)
    if not labelled:
        return []
    hide = _hidden_if_chosen(rows, groups, ask)

    def one(some: Sequence[Row], here: Mapping[str, str]) -> Estimate:
        n, qualified, hits, misses = (sum(int(row[key]) for row in some) for key in ("labelled", "qualified", "hits", "misses"))
        made = rules.share("accuracy", hits + n - qualified - misses, n, ask, here)
        return rules.with_note(made, WRONG_WAY_ROUND if made.high is not None and made.high < 0.5 else "")

    return [
        rules.suppressed("accuracy", ask, by, unit="share") if _few_chosen(rows, ask) else one(rows, by),
        *(
            rules.suppressed("accuracy", ask, {**by, "group": row["name"]}, unit="share")
            if row["name"] in hide
            else one([row], {**by, "group": row["name"]})
            for row in rows
        ),
    ]


def calibration(tenths: Sequence[Row], rows: Sequence[Row], groups: Groups, ask: Ask, by: Mapping[str, str]) -> list[Estimate]:
    """Return how far outcomes lie from scores: `calibration` (share qualified less mean score) overall, by group and against
    the others, and `calibration_in_tenth` by group of one attribute and tenth of the score: crossed groups by tenths are
    cells that nobody can read, nor could they be kept from being worked out of the tenths of each attribute.

    Null without scores or labels, and where a score is outside 0 to 1, which is no share.
    """
    if not tenths:
        reason = NO_SCORES if any(int(row["labelled"]) for row in rows) else NO_LABELS
        return [rules.absent("calibration", reason, by, unit="share")]
    if any(int(row["tenth"]) < 0 or float(row["highest"]) > 1 for row in tenths):
        return [rules.absent("calibration", NOT_A_SHARE, by, unit="share")]
    names = list(dict.fromkeys(str(row["name"]) for row in tenths))
    of = {name: [row for row in tenths if row["name"] == name] for name in names}
    scored = {name: sum(int(row["people"]) for row in some) for name, some in of.items()}
    hide = _hidden([{**row, "scored": scored.get(row["name"], 0)} for row in rows], groups, ask, "scored")
    samples = {name: _gap(some) for name, some in of.items()}
    out = averages("calibration", _gap(tenths), samples, hide, ask, by, unit="share", direction="more").estimates()
    if len(groups.names) > 1:
        return out
    table: Table = {(row["name"], str(row["tenth"])): (f"{row['name']} {row['tenth']}", int(row["people"])) for row in tenths}
    # Another attribute may tell how many each tenth holds in all, so the columns have totals like the rows.
    small = hidden_crossed(table, ask.suppress_n, frozenset(cell for (name, _), (cell, _) in table.items() if name in hide))
    for name, some in of.items():
        for row in some:
            here = {**by, "group": name, "tenth": str(row["tenth"])}
            if table[name, here["tenth"]][0] in small:
                out.append(rules.suppressed("calibration_in_tenth", ask, here, unit="share"))
            else:
                made = rules.share("calibration_in_tenth", int(row["qualified"]), int(row["people"]), ask, here)
                out.append(rules.with_note(made, f"mean score {float(row['score']) / int(row['people']):.3f}"))
    return out


def _gap(some: Sequence[Row]) -> Sample | None:
    n = sum(int(row["people"]) for row in some)
    total, squares = (sum(float(row[key]) for row in some) for key in ("gap", "gap_squared"))
    return Sample(intervals.moments(n, total, squares), n) if n else None
