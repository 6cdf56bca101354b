"""Markov removal effects, exact: an absorbing chain over channels, solved, not simulated.

A path is START, its channels in order, then CONVERSION or NULL. In a chain of order k a state is the last k channels (fewer
after START). With Q the transitions between states and b those into CONVERSION, x = (I - Q)^-1 b is the probability of
converting from each state. Removing a channel sends every transition into it to NULL; its removal effect is
1 - P(conversion without it) / P(conversion). The chain keeps every observed flow, so P(conversion) is conversions / paths at
every order, and a touch that repeats the channel before it changes nothing at order 1.

Anderl, Becker, von Wangenheim & Schumann, "Mapping the customer journey", International Journal of Research in Marketing 33
(2016), define it. The order is that of the greatest out-of-sample likelihood: five folds by the person's hash, each scored
under the others' counts with half a count added to every possible next step (Krichevsky and Trofimov's estimator).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from persync.attribution.datadriven import FOLDS, Fitted, Inputs, Transitions, shared
from persync.attribution.models import AttributionModel

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, Any]

ORDERS: Final = (1, 2, 3)
PSEUDO_COUNT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Chain:
    """Distinct transitions of one order. `source` and `target` number the states (0 = START); a target of -1 is CONVERSION,
    -2 NULL. `entered` is the channel that each state was entered by (-1 for START). `count` has as many rows as transitions."""

    source: np.ndarray[Any, Any]
    target: np.ndarray[Any, Any]
    count: Floats
    entered: np.ndarray[Any, Any]


def chain(transitions: Transitions, order: int, groups: Sequence[int] | None = None) -> Chain:
    """Return the chain of order `order`, of the people in `groups` alone where that is given."""
    import numpy as np

    base = transitions.channels + 1
    kept = np.ones(len(transitions.count), bool) if groups is None else np.isin(transitions.group, groups)
    history, to, count = transitions.history[kept, :order] + 1, transitions.to[kept], transitions.count[kept]
    # One number a state: the latest channel in the lowest place; START is 0, as padding is.
    places = base ** np.arange(order, dtype=np.int64)
    source = (history * places).sum(axis=1)
    onward = np.column_stack([to + 1, history])[:, :order]
    is_step = to < transitions.channels
    codes, numbered = np.unique(np.concatenate([[0], source, (onward[is_step] * places).sum(axis=1)]), return_inverse=True)
    sources = numbered[1 : len(source) + 1]
    targets = np.where(to == transitions.channels, -1, -2)
    targets[is_step] = numbered[len(source) + 1 :]
    pairs, place = np.unique(np.column_stack([sources, targets]), axis=0, return_inverse=True)
    totals = np.bincount(place.ravel(), weights=count, minlength=len(pairs))
    return Chain(pairs[:, 0], pairs[:, 1], totals, codes % base - 1)


def conversion(found: Chain, without: int | None = None) -> float:
    """Return the chain's probability of converting, exactly; every transition into the channel `without` ends in NULL."""
    import numpy as np
    from scipy.sparse import csc_array, eye_array
    from scipy.sparse.linalg import spsolve

    states = len(found.entered)
    share = found.count / np.bincount(found.source, weights=found.count, minlength=states)[found.source]
    to_conversion = found.target == -1
    b = np.bincount(found.source[to_conversion], weights=share[to_conversion], minlength=states)
    stays = found.target >= 0
    if without is not None:
        stays &= found.entered[np.maximum(found.target, 0)] != without
    # An upper triangular I - Q (paths that never come back) needs no more than back substitution; SuperLU finds that itself.
    q = csc_array((share[stays], (found.source[stays], found.target[stays])), shape=(states, states))
    return float(np.atleast_1d(spsolve((eye_array(states) - q).tocsc(), b))[0])


def removal_effects(found: Chain, channels: int) -> Floats:
    """Return each channel's removal effect, between 0 and 1; all 0 where nothing converts."""
    import numpy as np

    whole = conversion(found)
    if whole <= 0.0:
        return np.zeros(channels)
    left = np.array([conversion(found, channel) for channel in range(channels)])
    return np.clip(1.0 - left / whole, 0.0, 1.0)


def held_out_likelihood(transitions: Transitions, order: int) -> float:
    """Return the mean log likelihood of a held-out transition, in nats: five folds by the person's hash."""
    import numpy as np

    base, outcomes = transitions.channels + 1, transitions.channels + 2
    places = base ** np.arange(order, dtype=np.int64)
    state = ((transitions.history[:, :order] + 1) * places).sum(axis=1)
    _, state = np.unique(state, return_inverse=True)
    _, step = np.unique(state * outcomes + transitions.to, return_inverse=True)
    fold, count = transitions.group % FOLDS, transitions.count
    total = 0.0
    for held in range(FOLDS):
        train, test = fold != held, fold == held
        of_state = np.bincount(state[train], weights=count[train], minlength=state.max() + 1)
        of_step = np.bincount(step[train], weights=count[train], minlength=step.max() + 1)
        seen, among = of_step[step[test]], of_state[state[test]]
        p = (seen + PSEUDO_COUNT) / (among + PSEUDO_COUNT * outcomes)
        total += float((count[test] * np.log(p)).sum())
    return total / float(count.sum())


def best_order(transitions: Transitions) -> tuple[int, dict[int, float]]:
    """Return the order of the greatest held-out likelihood (the lowest, where equal), and the likelihood of each."""
    scores = {order: held_out_likelihood(transitions, order) for order in ORDERS}
    return max(ORDERS, key=lambda order: (scores[order], -order)), scores


def fit_markov(inputs: Inputs, order: int | None = None) -> Fitted:
    """Fit removal effects; `order`, else that of the inputs, else the best is taken. The strengths are the removal effects."""
    transitions = inputs.transitions
    assert transitions is not None
    chosen, scores = best_order(transitions)
    chosen = order or inputs.markov_order or chosen
    found = chain(transitions, chosen)
    effects = removal_effects(found, transitions.channels)
    named = dict(zip(inputs.channels, effects.tolist(), strict=True))
    return Fitted(
        strengths=named,
        population=shared(named, inputs.conversions),
        diagnostics={
            "order": chosen,
            **{f"held_out_log_likelihood_{k}": score for k, score in scores.items()},
            "p_conversion": conversion(found),
            "states": len(found.entered),
        },
    )


MARKOV: Final = AttributionModel(
    "markov_removal",
    "What share of conversions would be lost without a channel, in a Markov chain of all paths, those that end in nothing too.",
    needs="transitions",
    fit=fit_markov,
)
