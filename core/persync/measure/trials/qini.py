"""Qini: does a score find the people on whom a treatment works? On conversions and on money, with an interval.

Radcliffe (2007): people sorted by score; after the first k of them the gain is what the treated took less what the control
took, scaled to as many treated. Q is the area between that curve and the straight line of a score that knows nothing, a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from persync.attribution.stability import poisson
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import experiments, rules
from persync.measure.experiments import Reading
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Experiment
from persync.measure.texts import run
from persync.measure.trials.cuped import scale_of, stored, value_frame

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, Any]

REPLICATES: Final = 200
ROW_LIMIT: Final = 2_000_000


def curve(outcome: Floats, treated: Floats, score: Floats, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Return (people, gain) at the end of every run of equal scores, from the highest; both begin at 0."""
    import numpy as np

    order = np.argsort(-score, kind="stable")
    y, t, s = outcome[order], treated[order], score[order]
    w = np.ones(len(y)) if weights is None else weights[order]
    ends = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)
    n_t, n_c = (np.cumsum(w * side)[ends] for side in (t, 1 - t))
    y_t, y_c = (np.cumsum(w * y * side)[ends] for side in (t, 1 - t))
    gain = y_t - np.divide(y_c * n_t, n_c, out=np.zeros_like(y_c), where=n_c > 0)
    return np.append(0.0, n_t + n_c), np.append(0.0, gain)


def area(people: Floats, gain: Floats) -> float:
    """Return the area between a curve and the straight line to its end, divided by the square of all people."""
    import numpy as np

    if people[-1] <= 0:
        return 0.0
    return float((np.trapezoid(gain, people) - gain[-1] * people[-1] / 2) / people[-1] ** 2)


def qini(
    outcome: Floats, treated: Floats, score: Floats, hashes: Floats, *, seed: int = 1, confidence: float = 0.95
) -> Interval | None:
    """Return Q with its bootstrap interval, people drawn by their stored hash; None where a side has nobody."""
    import numpy as np

    if not 0 < treated.sum() < len(treated):
        return None
    value = area(*curve(outcome, treated, score))
    drawn = [area(*curve(outcome, treated, score, poisson(hashes, seed, number))) for number in range(REPLICATES)]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, min(value, float(low)), max(value, float(high)))


def read(engine: Engine, experiment: Experiment, reading: Reading, ask: Ask) -> list[Estimate]:
    """Return `qini` for each decision with scores, arm and outcome of an experiment with a control; `by` has `score`."""
    if reading.nobody or experiment.control is None:
        return []
    names = run(engine, "SELECT DISTINCT d.decision AS decision FROM decisions AS d WHERE d.score IS NOT NULL ORDER BY 1", {})
    out = []
    for name in (str(row["decision"]) for row in names):
        for outcome in (one for one in reading.outcomes if one.reason is None):
            source, column = stored(outcome)
            for arm, against in experiments.pairs(experiment, reading.sizes):
                more = {"decision": name, "treated": arm, "control": against, "source": source, "outcome": column}
                frame = value_frame(engine, experiment, ask, "qini_read", ("scores",), more, limit=ROW_LIMIT)
                by = {"experiment": experiment.name, "arm": arm, "against": against, "outcome": outcome.name, "score": name}
                out.append(_estimate(frame, scale_of(outcome), outcome.unit, by, experiment, ask))
    return out


def _estimate(
    frame: dict[str, Floats], scale: float, unit: str, by: dict[str, str], experiment: Experiment, ask: Ask
) -> Estimate:
    import numpy as np

    label = experiments.label_of(experiment)
    treated = np.asarray(frame.get("treated", ()), float)
    sides = (int(treated.sum()), int(len(treated) - treated.sum()))
    if min(sides) < ask.suppress_n:
        reason = rules.SUPPRESSED if min(sides) else rules.NO_DENOMINATOR
        return rules.absent("qini", reason, by, unit=unit, label=label)
    y = np.asarray(frame["y"], float) / scale
    found = qini(y, treated, np.asarray(frame["score"], float), frame["hash"], seed=ask.seed, confidence=ask.confidence)
    made = rules.from_interval("qini", found, n=len(treated), unit=unit, by=by, label=label)
    events = min(int((y[treated == side] != 0).sum()) for side in (0, 1))
    return rules.with_note(made, rules.smallness(min(sides), events, ask))
