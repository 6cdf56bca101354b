"""The metrics of tests and holdouts: entries 73 to 79 of the catalogue."""

from __future__ import annotations

from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import Estimate, percent
from persync.measure import experiments, returns, rules, spilt
from persync.measure.metric import Ask, Experiment, Metric
from persync.measure.slices import check
from persync.measure.trials import more, observational, planning, register, segments

SUBJECT_LINE = "subject_line"
_DATA = ("assignments", "memberships", "segments", "orders", "order_ledger", "outcomes", "attributes")


def read_kind(id: str, engine: Engine, ask: Ask, holdout: bool, kind: str | None = None) -> list[Estimate]:
    """Read every experiment of one kind that falls into the asked period."""
    check(ask.by, (), id)
    found: list[Estimate] = []
    for experiment in experiments.asked(engine, ask).values():
        if experiment.holdout != holdout or not _is_asked(experiment, ask, kind):
            continue
        try:
            found += more.read(engine, experiment, ask)
        except ConfigError as problem:
            by = {"experiment": experiment.name}
            found.append(rules.absent("difference", returns.MISCONFIGURED, by, note=str(problem)))
    return found or [returns.no_experiment(engine, id, ask)]


def _is_asked(experiment: Experiment, ask: Ask, kind: str | None) -> bool:
    return ask.arm in (None, experiment.name) and kind in (None, experiment.kind)


def ab_test(engine: Engine, ask: Ask) -> list[Estimate]:
    """Read every randomised test."""
    return read_kind("ab_test", engine, ask, holdout=False)


def subject_line_test(engine: Engine, ask: Ask) -> list[Estimate]:
    """Read every test of subject lines; opens are marked as the secondary outcome they are."""
    read = read_kind("subject_line_test", engine, ask, holdout=False, kind=SUBJECT_LINE)
    note = "secondary: machines open mail too; judge by clicks or revenue a recipient"
    return [rules.with_note(e, note) if "open" in e.by.get("outcome", "").lower() else e for e in read]


def holdout_incrementality(engine: Engine, ask: Ask) -> list[Estimate]:
    """Read every holdout, with the share of each arm that was sent something all the same."""
    return read_kind("holdout_incrementality", engine, ask, holdout=True)


_READING = (
    "People are read in the arm they were drawn into; people in two arms are left out and counted. A sample ratio "
    "less likely than "
    f"0.001 blocks the verdict, and so do more than {percent(spilt.LIMIT)} of the people in several arms "
    "(`contaminated`). A window not over: null, immature; `difference_so_far` is then valid at every look, and null, "
    "too_early, before the minimum run (min_days, 7)."
)
_LINES = (
    "size and mean of each arm, difference (Newcombe, Welch) and relative difference (Katz, delta method) to the control with "
    "interval and p-value, Holm-adjusted over the family; `incremental_share`, the part of what the arm did that it caused; "
    "`difference_cuped` with `variance_reduction`; `qini` of every imported score; `chance_to_win` (uniform "
    "priors) as an extra line; and whether "
    "the arms have "
    "the planned sizes."
)

METRICS: tuple[Metric, ...] = (
    Metric(
        "ab_test",
        "A/B test: lift by arm",
        f"Every experiment with arms drawn by lot: {_LINES}",
        "mean of the arm − mean of the control",
        "share or money",
        ab_test,
        number="73",
        edge_cases=_READING,
        data=_DATA,
        options={"arms": "own"},
    ),
    Metric(
        "subject_line_test",
        "Subject line test",
        'An A/B test of subject lines (kind = "subject_line" in its settings), judged on clicks or revenue a '
        "recipient; opens are "
        f"secondary. It gives {_LINES}",
        "mean of the arm − mean of the control",
        "share or money",
        subject_line_test,
        number="74",
        edge_cases=_READING,
        data=_DATA,
        options={"arms": "own"},
    ),
    Metric(
        "holdout_incrementality",
        "Holdout: what mail caused",
        f"Every experiment with a share of people drawn by lot to be left out: {_LINES} `reached` is the share of each "
        "arm that was sent personalised mail (level 2 or above) in its days: in the holdout that is contamination. Above "
        f"{percent(spilt.LIMIT)} of the holdout it blocks the verdict (`contaminated`); below, the note says so beside the "
        "difference, which is always that of the arms as drawn (intention to treat).",
        "mean of the arm − mean of the holdout",
        "share or money",
        holdout_incrementality,
        number="75",
        edge_cases=_READING,
        data=(*_DATA, "touchpoints"),
        options={"arms": "own"},
    ),
    Metric(
        "observational_uplift",
        "Uplift without a test, adjusted",
        "People sent personalised mail (level 2 or above) in the period against others who were mailed, on conversion "
        "and revenue "
        "in the look-back days (30) after their first message: overlap-weighted (Li, Morgan & Zaslavsky 2018) and "
        "doubly robust "
        "(AIPW) on what was known before: orders and revenue of the year before, days since the last order, and numeric "
        "attributes. `balance` is each covariate's standardised difference before and after weighting, `overlap` the share of "
        "people with a propensity between 0.05 and 0.95, `placebo` the same difference on revenue before the mail, "
        "`e_value` how "
        "strong a hidden cause would have to be (VanderWeele & Ding 2017), for the value and for its interval.",
        "weighted mean of the personalised − weighted mean of the others",
        "share or money",
        observational.observational_uplift,
        number="76",
        edge_cases="It is adjusted for what is known, never for what is not, and never says caused. Fewer than 30 people or 10 "
        "buyers a side: too few to say. A placebo that differs from none says that the adjustment failed.",
        data=("touchpoints", "campaign_levels", "orders", "order_ledger", "attributes"),
    ),
    Metric(
        "sample_size_power",
        "How large a test must be",
        "For each experiment, or an even split where none is known: contacts who may be mailed, people mailed a week, "
        "the baseline "
        "over as many past days as the test lasts (14), people an arm needs for the smallest change worth seeing (`smallest`, "
        "relative, 0.1), weeks at today's volume, and the smallest change that everybody together would show.",
        "n = (z(α/2) + z(power))² × (variances) ÷ change²; α 0.05, power 0.8",
        "people, weeks",
        planning.sample_size_power,
        number="77",
        edge_cases="The days are counted back from the end of the orders and messages that are known, and named. Nobody who "
        "may be mailed: null, no_denominator; none of them bought: null, nobody_bought. Nobody mailed in 28 days: null, "
        "nobody_mailed.",
        data=("contacts", "consents", "touchpoints", "orders", "order_ledger"),
        options={"arms": "own"},
    ),
    Metric(
        "uplift_by_segment",
        "For whom it works",
        "The effect of every experiment with a control in each segment (each attribute with 2 to 50 values, or those "
        "asked for), "
        "as it is and shrunk towards the whole (`uplift_shrunk`, empirical Bayes), and for each attribute one joint "
        "test over its "
        "segments and all arms that the effect is the same (`uplift_interaction`). Joint tests are Holm-adjusted over all "
        "shown, and so are segments.",
        "mean of the arm in the segment − mean of the control in it",
        "share or money",
        segments.uplift_by_segment,
        number="78",
        dimensions=("any attribute",),
        edge_cases="A segment is claimed only where the joint test says that segments differ and its own Holm-adjusted "
        "p does: else "
        "cannot tell. Small segments are hidden or too few to say; people without a value are the segment unknown, "
        "which is in no joint test and never claimed.",
        data=_DATA,
        options={"arms": "own"},
    ),
    Metric(
        "iteration_log",
        "Register of tests",
        "Every arm of every test on the outcome that was to decide (`primary`, revenue), with its verdict, state, "
        "hypothesis and "
        "decision in the note; `share_won` is the share of finished tests of which an arm won.",
        "tests won ÷ tests finished",
        "share or money",
        register.iteration_log,
        number="79",
        edge_cases="Verdicts are adjusted (Holm) over the whole register. A test that cannot be read stays in it with "
        "the reason.",
        data=_DATA,
    ),
)
