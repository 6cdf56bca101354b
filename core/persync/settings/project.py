"""A project: the folder of a persync.toml and all it says."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel

from persync.attribution.custom import with_settings
from persync.attribution.models import AttributionModel
from persync.connect.connector import ConnectionSettings
from persync.errors import ConfigError, PersyncError, PluginError, nearest
from persync.measure.metric import Ask, Experiment
from persync.measure.segment_settings import SegmentSettings
from persync.settings.attribution import own_models
from persync.settings.connections import FILE, connection_settings
from persync.settings.costs import CostsTable
from persync.settings.engagement import EngagementTable
from persync.settings.ethics import EthicsTable
from persync.settings.fairness import FairnessTable
from persync.settings.goal import BASELINE, GoalTable, goal_of, read_baseline
from persync.settings.jobs import JobTable
from persync.settings.notify import Channel, NotifyTable, channels_of
from persync.settings.outs import refuse_outs
from persync.settings.periods import day_start, parse_period, zone
from persync.settings.segments import AutomationTable, LifecycleTable, SegmentTable, segment_settings
from persync.settings.tables import (
    AttributionTable,
    ExperimentTable,
    PrivacyTable,
    ReportTable,
    ShopsTable,
    StoreTable,
)
from persync.settings.toml import Places, checked, named, parse_toml, read_text
from persync.settings.value import ValueTable

if TYPE_CHECKING:
    from persync.plugins import Host

ALONE: Final[Mapping[str, type[BaseModel]]] = {
    "attribution": AttributionTable,
    "costs": CostsTable,
    "engagement": EngagementTable,
    "ethics": EthicsTable,
    "fairness": FairnessTable,
    "goal": GoalTable,
    "lifecycle": LifecycleTable,
    "privacy": PrivacyTable,
    "report": ReportTable,
    "shops": ShopsTable,
    "store": StoreTable,
    "value": ValueTable,
}
"""the tables of persync.toml that stand there once"""
NAMED: Final[Mapping[str, type[BaseModel]]] = {
    "automations": AutomationTable,
    "connections": ConnectionSettings,
    "experiments": ExperimentTable,
    "jobs": JobTable,
    "notify": NotifyTable,
    "segments": SegmentTable,
}
"""those of which there are several, each with a name; a connector or notifier has settings of its own besides"""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a persync.toml (or without one yet: then everything has its default)."""

    folder: Path
    store_path: Path
    connections: Mapping[str, ConnectionSettings] = field(default_factory=dict)
    secret_names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """{connection: {secret: environment variable}}"""
    given_secrets: Mapping[str, str] | None = field(default=None, repr=False)
    """{environment variable: secret} in place of all that is to be found on this machine: a sandbox's own"""
    broken: Mapping[str, PluginError] = field(default_factory=dict)
    """the connections that cannot be made because a plugin failed, each with what is to be said"""
    experiment_tables: Mapping[str, ExperimentTable] = field(default_factory=dict)
    jobs: Mapping[str, JobTable] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    """[notify.NAME]"""
    broken_channels: Mapping[str, PersyncError] = field(default_factory=dict)
    """the channels that nobody can be told through, for want of a notifier, each with what is to be said"""
    report: ReportTable = field(default_factory=ReportTable)
    attribution: AttributionTable = field(default_factory=AttributionTable)
    engagement: EngagementTable = field(default_factory=EngagementTable)
    own_models: tuple[AttributionModel, ...] = ()
    """the attribution models of [attribution.weights]"""
    aliases: Mapping[str, str] = field(default_factory=dict)
    retention: Mapping[str, int] = field(default_factory=dict)
    """{kind: months} after which rows go"""
    privacy: PrivacyTable = field(default_factory=PrivacyTable)
    """[privacy], but for its retention"""
    value: ValueTable = field(default_factory=ValueTable)
    costs: CostsTable = field(default_factory=CostsTable)
    segments: SegmentSettings = field(default_factory=SegmentSettings)
    """[segments], [lifecycle] and [automations]"""
    ethics: EthicsTable = field(default_factory=EthicsTable)
    fairness: FairnessTable = field(default_factory=FairnessTable)
    has_file: bool = True
    goal_table: GoalTable | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every connection in the settings, those whose plugin failed last."""
        return (*self.connections, *self.broken)

    @property
    def timezone(self) -> str:
        """The report's time zone: the setting, else that of the shop in the store, else UTC."""
        return self.report.timezone or shop_timezone(self.store_path) or "UTC"

    @property
    def experiments(self) -> dict[str, Experiment]:
        """The configured experiments; a day in `from` begins in the report's time zone."""
        zone_name = self.timezone
        return {name: _experiment(name, table, zone_name) for name, table in self.experiment_tables.items()}

    def ask(
        self,
        now: int,
        period: str | tuple[int, int] | None = None,
        *,
        by: tuple[str, ...] = (),
        arm: str | None = None,
        lookback_days: float | None = None,
        basis: str | None = None,
        currency: str | None = None,
        reporting: str | None = None,
        kinds: Sequence[str] = (),
        windows: Mapping[str, float] | None = None,
        path: Literal["window", "since_last_order"] | None = None,
        frozen: bool = True,
    ) -> Ask:
        """Return the question that these settings make; `period` may be `A..B`, days with both ends included.

        `basis` is that of attribution, where it may be margin; measures of revenue have the report's own, net or gross. Without
        `frozen` the baseline beside persync.toml is not read.
        """
        zone_name = self.timezone
        return Ask(
            now=now,
            period=parse_period(period, zone_name) if isinstance(period, str) else period,
            by=by,
            arm=arm,
            currency=currency or self.attribution.currency or self.report.currency,
            rates={name: Decimal(str(euros)) for name, euros in self.report.rates.items()},
            timezone=zone_name,
            basis=basis if basis in ("net", "gross") else self.report.basis,
            credit_basis=basis or self.attribution.basis or "",
            reporting=reporting or self.attribution.reporting,
            min_conversions=self.attribution.min_conversions,
            markov_order=self.attribution.markov_order,
            lookback_days=lookback_days or self.report.lookback_days,
            kinds=tuple(kinds or self.attribution.kinds),
            windows={**({} if lookback_days else self.attribution.windows.days), **(windows or {})},
            path=path or self.attribution.path,
            experiments=self.experiments,
            margin=self.report.margin,
            goal=goal_of(self.goal_table, zone_name),
            baseline=read_baseline(self.folder / BASELINE) if frozen else None,
            engagement_weights={str(kind): weight for kind, weight in self.engagement.weights.items()},
            engagement_half_life_days=self.engagement.half_life_days,
            suppress_n=self.report.suppress_n,
            report_n=self.report.report_n,
            value=self.value.settings(zone_name),
            costs=self.costs.settings(),
            segments=self.segments,
            ethics=self.ethics.settings(),
            fairness=self.fairness.settings(),
            retention=self.retention,
        )

    def models(self, known: Mapping[str, AttributionModel], half_life_days: float | None = None) -> dict[str, AttributionModel]:
        """Return the known attribution models and those of these settings by name, with the half-life set.

        Raise ConfigError for weights under a name that is taken.
        """
        return with_settings(known, self.own_models, half_life_days or self.attribution.half_life_days)

    def facts(self) -> dict[str, Any]:
        """Return what a report may say about the project: names, no paths, no secrets."""
        return {
            "name": self.report.name or self.folder.resolve().name,
            "connections": {name: settings.connector for name, settings in self.connections.items()},
            "aliases": dict(self.aliases),
        }


def load_project(folder: Path, host: Host, *, file: str = FILE) -> Project:
    """Read the project in `folder`. Raises ConfigError naming file, line and table, and the nearest right word.

    A connection whose plugin failed to load is put aside in `broken`: it must not keep the others from being read.
    """
    path = folder / file
    text = read_text(path)
    if text is None:
        return Project(folder, folder / StoreTable().path, has_file=False)
    given = parse_toml(text, path)
    place = Places(text, str(path))
    tables = sorted((*ALONE, *NAMED))
    for name, value in given.items():
        if name not in tables:
            raise ConfigError(f"there is no table '{name}'.", where=place.of("", name), hint=nearest(name, tables))
        if not isinstance(value, dict):
            raise ConfigError(f"'{name}' must be a table.", where=place.of("", name), hint=f"Write [{name}].")
    report = checked(ReportTable, given.get("report", {}), "report", place)
    if report.timezone:
        zone(report.timezone, where=place.of("report", "timezone"))
    connections: dict[str, ConnectionSettings] = {}
    names: dict[str, dict[str, str]] = {}
    broken: dict[str, PluginError] = {}
    for name, table in named(given, "connections", place):
        try:
            connections[name], names[name] = connection_settings(name, table, host, folder, place=place)
        except PluginError as error:
            broken[name] = error
    experiments = {n: checked(ExperimentTable, t, f"experiments.{n}", place) for n, t in named(given, "experiments", place)}
    attribution = checked(AttributionTable, given.get("attribution", {}), "attribution", place)
    privacy = checked(PrivacyTable, given.get("privacy", {}), "privacy", place)
    channels, broken_channels = channels_of(named(given, "notify", place), host, place)
    project = Project(
        folder=folder,
        store_path=folder / checked(StoreTable, given.get("store", {}), "store", place).path,
        connections=connections,
        secret_names=names,
        broken=broken,
        experiment_tables=experiments,
        jobs={n: checked(JobTable, t, f"jobs.{n}", place) for n, t in named(given, "jobs", place)},
        channels=channels,
        broken_channels=broken_channels,
        report=report,
        goal_table=checked(GoalTable, given["goal"], "goal", place) if "goal" in given else None,
        attribution=attribution,
        engagement=checked(EngagementTable, given.get("engagement", {}), "engagement", place),
        own_models=own_models(attribution.weights, place),
        aliases=checked(ShopsTable, given.get("shops", {}), "shops", place).aliases,
        retention=privacy.retention.periods,
        privacy=privacy,
        value=checked(ValueTable, given.get("value", {}), "value", place),
        costs=checked(CostsTable, given.get("costs", {}), "costs", place),
        ethics=checked(EthicsTable, given.get("ethics", {}), "ethics", place),
        fairness=checked(FairnessTable, given.get("fairness", {}), "fairness", place),
        segments=segment_settings(
            {n: checked(SegmentTable, t, f"segments.{n}", place) for n, t in named(given, "segments", place)},
            checked(LifecycleTable, given.get("lifecycle", {}), "lifecycle", place),
            {n: checked(AutomationTable, t, f"automations.{n}", place) for n, t in named(given, "automations", place)},
        ),
    )
    for name, experiment in experiments.items():
        try:
            _experiment(name, experiment, "UTC")
        except ConfigError as error:
            raise error.at(place.of(f"experiments.{name}", "from")) from None
    refuse_outs(project, place)
    return project


def shop_timezone(store_path: Path) -> str | None:
    """Return the time zone of the shop in a store, None when there is no store or it does not say."""
    if not store_path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{store_path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            row = db.execute(
                "SELECT timezone FROM connections WHERE timezone IS NOT NULL ORDER BY shop IS NULL, name LIMIT 1"
            ).fetchone()
    except sqlite3.Error:
        return None  # whoever opens the store says what is wrong with it
    return str(row[0]) if row else None


def _experiment(name: str, table: ExperimentTable, zone_name: str) -> Experiment:
    return Experiment(
        name=name,
        tags=table.tags,
        control=table.control,
        since=None if table.since is None else _moment(table.since, zone_name),
        days=table.days,
        planned_shares=table.planned_shares,
        holdout=table.holdout,
        hypothesis=table.hypothesis,
        primary=table.primary,
        guard_rails=tuple(table.guard_rails),
        kind=table.kind,
        decision=table.decision,
        min_days=table.min_days,
        smallest=table.smallest,
    )


def _moment(value: date | datetime | int | str, zone_name: str) -> int:
    """Return a TOML date, a text of ISO 8601 or epoch ms as epoch ms; what has no zone is in the report's."""
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        except ValueError:
            text = "'from' is not a date."
            raise ConfigError(text, hint='Write from = 2025-03-01, or "2025-03-01T09:00:00Z".') from None
    if isinstance(value, datetime):
        local = value if value.tzinfo else value.replace(tzinfo=zone(zone_name))
        return round(local.timestamp() * 1000)
    return day_start(value, zone_name)
