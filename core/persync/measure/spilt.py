"""Contamination: people held out who were mailed all the same, and people drawn into several arms.

Arms are read as they were drawn (intention to treat). Where the holdout got the mail too, its difference to the others is
still that of the draw, but no longer what the mail caused: with a share c of the holdout mailed and r of the arm, it shows
(r - c) / r of it. A few do little harm and are said; above `LIMIT` nothing is decided.
"""

from __future__ import annotations

from typing import Final

from persync.measure.verdict import CONTAMINATED, NO_VERDICT

ASIDE: Final = "(contamination)"
"""Stands in the note of what is decided although some of the holdout were mailed."""
LIMIT: Final = 0.1
"""A larger share of a holdout that was mailed, or of people drawn into several arms, blocks every verdict on the experiment."""


def of_holdout(reached: int, people: int) -> str:
    """Return the note on a holdout of `people`, of whom `reached` were sent personalised mail; "" when nobody was."""
    if not reached or not people:
        return ""
    said = f"{_share(reached / people)} of those held out were sent personalised mail"
    if reached / people > LIMIT:
        blocked = f"{CONTAMINATED}: {said}, more than {_share(LIMIT)}, so {NO_VERDICT}"
        return f"{blocked}: the difference is of the arms as drawn (intention to treat), not what the mail does"
    meant = "the difference is of the arms as drawn (intention to treat), a little nearer to none than what the mail does"
    return f"{said} all the same {ASIDE}: {meant}"


def of_draw(mixed: int, people: int) -> str:
    """Return the note that too many of `people` were drawn into several arms and left out, "" where few were."""
    if not people or mixed / people <= LIMIT:
        return ""
    return f"{CONTAMINATED}: {_share(mixed / people)} were drawn into several arms, more than {_share(LIMIT)}, so {NO_VERDICT}"


def _share(share: float) -> str:
    return f"{100 * share:.3g} %"
