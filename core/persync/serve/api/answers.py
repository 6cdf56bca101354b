"""Every answer of /api/v1: its path, the command whose `--format json` it is, and its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from persync.jobs.answers.exported import SUMS
from persync.measure.fairness.own import SCORES
from persync.report.report import PROFILES
from persync.serve.api import about, exporting, making
from persync.serve.api.params import BY, CURRENCY, DIRECTION, JOURNEY, MODELS, PERIOD, YES_NO, Asked, Param, above_zero, number

if TYPE_CHECKING:
    from persync.serve.api.exporting import Pieces
    from persync.serve.site import Site

ROOT: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `{name}` in the path takes what the command takes as an argument; `{name:path}` may hold a slash.

    `heavy` says what it takes where that is more than a question of a second.
    """

    path: str
    command: str
    make: Callable[[Site, Asked], str | Pieces]
    params: tuple[Param, ...] = ()
    heavy: str = ""

    @property
    def shown(self) -> str:
        """The path as a reader is to see it."""
        return f"{ROOT}{self.path.replace(':path', '')}"


WHOLE: Final = "reads the whole store: seconds of each gigabyte"
METRIC: Final = (BY, Param("arm", "EXPERIMENT"), PERIOD)
NAMES: Final = Param("name", "NAME", several=True)

ASSESSED: Final = (
    Param("decision", "NAME"),
    Param("segment", "NAME"),
    Param("score", choices=SCORES),
    Param("threshold", "X", read=above_zero),
)
ANSWERS: Final = (
    Answer("/metrics", "metrics list", making.metrics),
    Answer("/metrics/{id}", "metric", making.metric, METRIC),
    Answer("/metrics/{id}/definition", "metrics show", making.definition),
    Answer("/report", "report", making.report, (Param("profile", choices=PROFILES, default="full"), PERIOD)),
    Answer(
        "/attribution",
        "attribution",
        making.attribution,
        (
            *MODELS,
            Param("by", "DIM[,DIM]", several=True),
            Param("reporting", choices=("cash", "accrual")),
            Param("cost", choices=YES_NO),
            *JOURNEY,
            PERIOD,
        ),
    ),
    Answer("/explain/order/{id:path}", "explain order", making.order, (*MODELS, *JOURNEY)),
    Answer("/explain/person/{key:path}", "explain person", making.person, (*MODELS, *JOURNEY)),
    Answer("/explain/send/{id:path}", "explain send", making.send, (Param("key", "KEY"),)),
    Answer("/experiments", "experiment read", making.experiments, (NAMES,)),
    Answer("/experiments/{name:path}", "experiment read", making.experiments),
    Answer("/plan", "experiment plan", making.plan, (NAMES,)),
    Answer(
        "/fairness",
        "fairness",
        making.fairness,
        (Param("by", "ATTR", several=True), Param("cross", "A,B"), *ASSESSED, DIRECTION, PERIOD),
    ),
    Answer("/fairness/decisions", "fairness decisions", making.decisions),
    Answer(
        "/fairness/mitigate",
        "fairness mitigate",
        making.mitigate,
        (
            Param("by", "ATTR"),
            *ASSESSED,
            Param("message", "TITLE"),
            DIRECTION,
            Param("gain", "MONEY", read=number),
            Param("cost", "MONEY", read=number),
            CURRENCY,
            Param("count_unknown", choices=YES_NO),
            PERIOD,
        ),
    ),
    Answer("/segments", "segment list", making.segments),
    Answer("/segments/{name:path}", "segment show", making.segment),
    Answer("/levels", "tag --list", making.levels),
    Answer("/levels/{campaign:path}", "tag --list", making.levels),
    Answer("/baseline", "baseline show", making.baseline, (PERIOD,)),
    Answer("/reconcile", "reconcile --offline", making.reconcile, (PERIOD,)),
    Answer(
        "/export/{name}",
        "export TABLE|VIEW|METRIC",
        exporting.export,
        METRIC,
        heavy="all rows of a table or view: as long as they are many",
    ),
    Answer(
        "/sums",
        "export sums",
        exporting.sums,
        (
            Param("only", several=True, choices=SUMS),
            Param("by", "ATTR", several=True),
            PERIOD,
        ),
    ),
    Answer("/audit", "privacy audit", about.audit, (Param("regime", "R", several=True),)),
    Answer("/status", "status", making.status),
    Answer("/schedule", "schedule status", making.schedule),
    Answer("/verify", "verify", about.verify, heavy=f"{WHOLE}, each check of it"),
    Answer("/doctor", "doctor --offline", about.doctor, heavy=WHOLE),
    Answer("/config", "config show", about.config, (Param("table", "TABLE", several=True),)),
    Answer("/plugins", "plugins list", about.plugins),
)
