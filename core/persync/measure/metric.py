"""A metric is a registered value: what it means, how it is computed, and the computation itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

from persync.attribution.calibrate import Lift
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure.cost_settings import CostSettings
from persync.measure.ethics_settings import EthicsSettings
from persync.measure.fairness_settings import FairnessSettings
from persync.measure.segment_settings import SegmentSettings
from persync.measure.value_settings import ValueSettings

SUPPRESS_N: Final = 5
"""fewer people than this are hidden unless somebody says otherwise: the usual disclosure floor (rule E1)"""


@dataclass(frozen=True, slots=True)
class Experiment:
    """How an experiment is read. Arms come from `assignments` under this name, or from tags (`tags`: {arm: tag name}).

    `since` (epoch ms) and `days` bound the window in which orders count for everybody; without them all orders count.
    `control` is the arm the others are held against; without one every ordered pair is read. `holdout` says that the control
    arm was drawn to be left out (label holdout instead of randomised).
    """

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    control: str | None = None
    since: int | None = None
    days: float | None = None
    planned_shares: Mapping[str, float] = field(default_factory=dict)
    holdout: bool = False
    hypothesis: str = ""
    primary: str = "revenue"
    """the outcome that decides, fixed before the start"""
    guard_rails: tuple[str, ...] = ()
    """outcomes that must not get worse"""
    kind: str = ""
    """what is tried: subject_line ...; "" = anything"""
    decision: str = ""
    """what was done with the result"""
    min_days: float = 7
    """an early look before so many days have passed gives nothing"""
    smallest: float | None = None
    """the smallest relative change worth seeing"""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached, set before looking. `guard_rails` are ids of metrics; `start` (epoch ms) is the programme's."""

    text: str
    primary: str
    guard_rails: tuple[str, ...] = ()
    days: float = 90
    smallest: float | None = None
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """Metrics as they were over a fixed period, frozen with the date and the version of the data they were read from."""

    frozen_at: int
    period: tuple[int, int]
    data: str
    """digest of the store"""
    estimates: tuple[Estimate, ...] = ()
    last_year: tuple[Estimate, ...] = ()
    """the same over the same days of the year before, as far as there were data"""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a metric: the slice, the period and the settings that change its meaning."""

    now: int
    period: tuple[int, int] | None = None
    """[from, to) in epoch ms; None = all that is covered"""
    by: tuple[str, ...] = ()
    arm: str | None = None
    """the experiment whose arms are a dimension, see `grouping`"""
    currency: str | None = None
    """the reporting currency; credit in others is turned into it at the order's date. None = the only one in the store"""
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    """{currency: what one unit of it is worth in euros}, where the European Central Bank has no rate"""
    timezone: str = "UTC"
    basis: str = "net"
    """net = product + adjustment; gross = all parts"""
    credit_basis: str = ""
    """the basis of attribution: net, gross or margin; "" = `basis`"""
    reporting: str = "cash"
    """when credit is dated: at the sale, edit or refund (cash), or at the touch that has it (accrual)"""
    lookback_days: float = 30
    """how far before an order a touch counts, where `windows` says nothing else of its kind"""
    kinds: tuple[str, ...] = ("click", "visit", "direct")
    """the kinds of touches that count: click, visit, direct (a visit without a source), open, send"""
    windows: Mapping[str, float] = field(default_factory=dict)
    """the look-back of single kinds, in days"""
    path: Literal["window", "since_last_order"] = "window"
    """whether a journey begins anew after an order of the same people"""
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    margin: float | None = None
    """gross margin as a share of net revenue. Measures take it first, and the unit costs known where it is None; credit by
    margin takes it for orders without a unit cost"""
    engagement_weights: Mapping[str, float] = field(
        default_factory=lambda: {"open": 1.0, "click": 3.0, "visit": 2.0, "order": 4.0}
    )
    engagement_half_life_days: float = 30
    """how lately something must have been done to count half in the engagement score"""
    suppress_n: int = SUPPRESS_N
    report_n: int = 30
    confidence: float = 0.95
    seed: int = 1
    min_conversions: int = 300
    """the fewest converting paths that a data-driven model is fitted to"""
    markov_order: int | None = None
    """how many channels a Markov state holds (1 to 3); None = whichever predicts unseen people best"""
    value: ValueSettings = field(default_factory=ValueSettings)
    """what customers' value is worked out with"""
    costs: CostSettings = field(default_factory=CostSettings)
    """what costs and returns are worked out with"""
    segments: SegmentSettings = field(default_factory=SegmentSettings)
    """the rules of segments, the bounds of the life-cycle, and which messages are which automation"""
    ethics: EthicsSettings = field(default_factory=EthicsSettings)
    """what consent and trust are worked out with"""
    fairness: FairnessSettings = field(default_factory=FairnessSettings)
    """what is a burden, and which segments and scores are assessed as decisions"""
    retention: Mapping[str, int] = field(default_factory=dict)
    """{kind of rows: months} after which they go, see [privacy.retention]"""
    goal: Goal | None = None
    baseline: Baseline | None = None
    lift: Lift | None = None
    """what a holdout says, see `lifts.with_lift`; needed where models are calibrated"""

    @property
    def small_groups(self) -> str:
        """Which groups are shown that are hidden by default, in words; "" for none."""
        if self.suppress_n >= SUPPRESS_N:
            return ""
        return "every group, however small" if self.suppress_n <= 1 else f"groups of {self.suppress_n} people and more"


@dataclass(frozen=True, slots=True)
class Metric:
    """A registered metric. `compute(engine, ask)` returns its estimates: one, or one a slice."""

    id: str
    title: str
    definition: str
    formula: str
    unit: str
    compute: Callable[[Engine, Ask], Sequence[Estimate]]
    number: str = ""
    """its number in the catalogue"""
    dimensions: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    """dimensions that one may well ask for, and why there is no such slice"""
    edge_cases: str = ""
    data: tuple[str, ...] = ()
    """the tables it reads"""
    options: Mapping[str, Any] = field(default_factory=dict)
    compares_arms: bool = False
    """a mean or share over people, so that the difference between arms since their draw says something"""
    since_draw: Callable[[Engine, Ask, Experiment], Sequence[Estimate]] | None = None
    """what each arm of an experiment did since its draw, with the differences (`<id>_difference`): for a measure of whoever a
    message reached, where that is not everybody drawn"""
