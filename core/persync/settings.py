"""persync.toml: what a project is, read into typed settings, with the nearest right word for every wrong one.

Secrets never stand in it: `find_secrets` looks for them by the names the connectors give.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from persync import secrets
from persync.connect.connector import ConnectionSettings, Connector
from persync.errors import AuthError, ConfigError, nearest
from persync.imports.files import FilesConnector
from persync.measure.metric import Ask, Experiment
from persync.periods import day_start, parse_period, zone

if TYPE_CHECKING:
    from persync.plugins import Host

FILE = "persync.toml"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_SECRET_KEY = re.compile(r"(^|_)(token|secret|password|passwd|pass|api_?key|key|credentials?)$", re.IGNORECASE)


_Model = TypeVar("_Model", bound=BaseModel)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StoreTable(_Table):
    """[store]"""

    path: str = "persync.db"


class ReportTable(_Table):
    """[report]: how numbers are meant wherever they are shown. `margin` is a share of net revenue."""

    name: str | None = None
    margin: float | None = Field(default=None, gt=0, le=1)
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    timezone: str | None = None
    basis: Literal["net", "gross"] = "net"
    lookback_days: float = Field(default=30, gt=0)
    suppress_n: int = Field(default=5, ge=1)
    report_n: int = Field(default=30, ge=1)


class ShopsTable(_Table):
    """[shops]: `aliases` maps other names of a shop to its own domain."""

    aliases: dict[str, str] = {}


class ExperimentTable(_Table):
    """[experiments.NAME]"""

    tags: dict[str, str] = {}
    control: str | None = None
    since: date | datetime | int | str | None = Field(default=None, alias="from")
    days: float | None = Field(default=None, gt=0)
    holdout: bool = False
    planned_shares: dict[str, float] = {}


class JobReport(_Table):
    """One report that a job writes; `out` is relative to the project's folder."""

    out: str
    format: Literal["html", "text", "json", "md"] = "html"
    period: str | None = None


class JobCheck(_Table):
    """One check of a job: every slice of a metric must lie between `min` and `max`."""

    metric: str
    min: float | None = None
    max: float | None = None
    by: list[str] = []
    period: str | None = None


class JobTable(_Table):
    """[jobs.NAME]: `at` is the local time it is scheduled for."""

    pull: Literal["all"] | list[str] = "all"
    report: list[JobReport] = []
    checks: list[JobCheck] = []
    at: str = Field(default="03:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a persync.toml (or without one yet: then everything has its default)."""

    folder: Path
    store_path: Path
    connections: Mapping[str, ConnectionSettings] = field(default_factory=dict)
    secret_names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """{connection: {secret: environment variable}}"""
    experiment_tables: Mapping[str, ExperimentTable] = field(default_factory=dict)
    jobs: Mapping[str, JobTable] = field(default_factory=dict)
    report: ReportTable = field(default_factory=ReportTable)
    aliases: Mapping[str, str] = field(default_factory=dict)
    has_file: bool = True

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
    ) -> Ask:
        """Return the question that these settings make; `period` may be `A..B`, days with both ends included."""
        zone_name = self.timezone
        return Ask(
            now=now,
            period=parse_period(period, zone_name) if isinstance(period, str) else period,
            by=by,
            arm=arm,
            currency=self.report.currency,
            timezone=zone_name,
            basis=basis or self.report.basis,
            lookback_days=lookback_days or self.report.lookback_days,
            experiments=self.experiments,
            margin=self.report.margin,
            suppress_n=self.report.suppress_n,
            report_n=self.report.report_n,
        )

    def facts(self) -> dict[str, Any]:
        """Return what a report may say about the project: names, no paths, no secrets."""
        return {
            "name": self.report.name or self.folder.resolve().name,
            "connections": {name: settings.connector for name, settings in self.connections.items()},
            "aliases": dict(self.aliases),
        }


def load_project(folder: Path, host: Host, *, file: str = FILE) -> Project:
    """Read the project in `folder`. Raises ConfigError naming file, line and table, and the nearest right word."""
    path = folder / file
    text = _read(path)
    if text is None:
        return Project(folder, folder / StoreTable().path, has_file=False)
    given = _parse(text, path)
    place = _Places(text, str(path))
    tables = ("store", "connections", "experiments", "jobs", "report", "shops")
    for name, value in given.items():
        if name not in tables:
            raise ConfigError(f"there is no table '{name}'.", where=place.of("", name), hint=nearest(name, tables))
        if not isinstance(value, dict):
            raise ConfigError(f"'{name}' must be a table.", where=place.of("", name), hint=f"Write [{name}].")
    report = _checked(ReportTable, given.get("report", {}), "report", place)
    if report.timezone:
        zone(report.timezone, where=place.of("report", "timezone"))
    connections: dict[str, ConnectionSettings] = {}
    names: dict[str, dict[str, str]] = {}
    for name, table in _named(given, "connections", place):
        connections[name], names[name] = connection_settings(name, table, host, folder, place=place)
    experiments = {n: _checked(ExperimentTable, t, f"experiments.{n}", place) for n, t in _named(given, "experiments", place)}
    project = Project(
        folder=folder,
        store_path=folder / _checked(StoreTable, given.get("store", {}), "store", place).path,
        connections=connections,
        secret_names=names,
        experiment_tables=experiments,
        jobs={n: _checked(JobTable, t, f"jobs.{n}", place) for n, t in _named(given, "jobs", place)},
        report=report,
        aliases=_checked(ShopsTable, given.get("shops", {}), "shops", place).aliases,
    )
    for name, experiment in experiments.items():
        try:
            _experiment(name, experiment, "UTC")
        except ConfigError as error:
            raise error.at(place.of(f"experiments.{name}", "from")) from None
    return project


def connection_settings(
    name: str, table: Mapping[str, Any], host: Host, folder: Path, *, place: _Places | None = None
) -> tuple[ConnectionSettings, dict[str, str]]:
    """Return a connection's typed settings and the environment variables of its secrets. Raises ConfigError."""
    place = place or _Places("", FILE)
    where = f"connections.{name}"
    if not NAME.fullmatch(name):
        raise ConfigError(f"'{name}' cannot name a connection.", where=place.of(where), hint="Use letters, digits, - and _.")
    word = table.get("connector")
    if not isinstance(word, str):
        valid = ", ".join(sorted(host.connectors))
        raise ConfigError("the connector is missing.", where=place.of(where), hint=f'Write connector = "NAME"; valid: {valid}.')
    if word not in host.connectors:
        hint = nearest(word, sorted(host.connectors))
        raise ConfigError(f"there is no connector '{word}'.", where=place.of(where, "connector"), hint=hint)
    if name == "files" and word != "files":
        text = "the name 'files' is kept for imported files."
        raise ConfigError(text, where=place.of(where), hint="Choose another name.")
    connector = host.connectors[word]
    known = connector.settings_type.model_fields
    names = dict(connector.secrets)
    values = dict(table)
    for key, value in table.items():
        secret = key.removesuffix("_env")
        if key not in known and (key in connector.secrets or _SECRET_KEY.search(key)):
            raise _secret_in_file(key, connector, place.of(where, key))
        if isinstance(value, str) and re.match(r"https?://[^/]*@", value):
            text = f"'{key}' has a user or password in its address; nothing secret may stand in this file."
            raise ConfigError(text, where=place.of(where, key), hint="Take it out.")
        if key.endswith("_env") and secret in connector.secrets:
            if not isinstance(value, str) or not secrets.NAME.fullmatch(value):
                # The value is not repeated: people put the secret itself here.
                text = f"'{key}' must name an environment variable in capitals, like {connector.secrets[secret]}."
                raise ConfigError(text, where=place.of(where, key), hint="The secret itself must not stand in this file.")
            names[secret] = value
            if key not in known:
                del values[key]
    if "folder" in known:
        values.setdefault("folder", folder)
    extra = tuple(f"{secret}_env" for secret in connector.secrets)
    return _checked(connector.settings_type, values, where, place, also=extra), names


def find_secrets(project: Project, host: Host, name: str) -> dict[str, secrets.Found]:
    """Return the secrets of a connection that are to be found, {} when there is none."""
    wanted = project.secret_names.get(name, {})
    found = {secret: secrets.find(secret, env, project.folder) for secret, env in wanted.items()}
    return {secret: one for secret, one in found.items() if one is not None}


def make_connector(project: Project, host: Host, name: str) -> Connector:
    """Return the connector of a connection, with its secrets.

    Raises ConfigError for an unknown connection, AuthError when the connector needs a secret and none is to be found (one
    that takes this secret or that one says itself what else it misses).
    """
    if name not in project.connections:
        known = sorted(project.connections)
        hint = nearest(name, known) or "Run `persync connect NAME` first."
        raise ConfigError(f"there is no connection '{name}'.", where=str(project.folder / FILE), hint=hint)
    settings = project.connections[name]
    kind = host.connectors[settings.connector]
    found = find_secrets(project, host, name)
    if kind.secrets and not found:
        envs = " or ".join(project.secret_names[name].values())
        text = f"no secret found: {envs} is not set, and neither {secrets.FILE} nor a keyring has it."
        raise AuthError(text, where=name, hint=f"Run `persync connect {name}`. {kind.help}".rstrip())
    connector = kind(name, settings, {secret: one.value for secret, one in found.items()})
    if isinstance(connector, FilesConnector):
        connector.importers = host.importers
        connector.connections = frozenset(project.connections)
    return connector


def shop_timezone(store_path: Path) -> str | None:
    """Return the time zone of the shop in a store, None when there is no store or it does not say."""
    import sqlite3
    from contextlib import closing

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


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise ConfigError("there is no such folder.", where=str(path.parent)) from None
        return None
    except UnicodeDecodeError:
        raise ConfigError("the file is not UTF-8 text.", where=str(path)) from None
    except OSError as error:
        raise ConfigError(f"it cannot be read ({error.strerror}).", where=str(path)) from None


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).partition(" (at ")
        where = f"{path}, {place.rstrip(')')}" if place else str(path)
        # A key that the parser quotes may be a secret put in the wrong place: only its own words are repeated.
        raise ConfigError(f"this is not valid TOML: {what.split(':')[0].rstrip('.').lower()}.", where=where) from None


def _named(given: Mapping[str, Any], kind: str, place: _Places) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in given.get(kind, {}).items():
        if not isinstance(table, dict):
            raise ConfigError(f"'{name}' must be a table.", where=place.of(kind, name), hint=f"Write [{kind}.NAME].")
        yield name, table


def _checked(
    model: type[_Model], values: Mapping[str, Any], table: str, place: _Places, *, also: tuple[str, ...] = ()
) -> _Model:
    """Validate a table; the first error becomes a ConfigError. No message repeats a value: it may be a secret."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = [part for part in first["loc"] if isinstance(part, str)]
    key = path[-1] if path else ""
    where = place.of(table, path[0] if path else "")
    if first["type"] == "extra_forbidden":
        owner = _inner(model, path[:-1])
        valid = [info.alias or name for name, info in owner.model_fields.items()] + list(also if owner is model else ())
        raise ConfigError(f"'{key}' is not a setting here.", where=where, hint=nearest(key, valid))
    if first["type"] == "missing":
        raise ConfigError(f"'{key}' is missing.", where=where, hint=f"Add {key} = ... to [{table}].")
    what = first["msg"].removeprefix("Value error, ").rstrip(".")
    raise ConfigError(f"'{'.'.join(path)}': {what[0].lower() + what[1:]}.", where=where)


def _inner(model: type[BaseModel], path: list[str]) -> type[BaseModel]:
    """Return the model that a path of keys leads to."""
    for key in path:
        names = {info.alias or name: info for name, info in model.model_fields.items()}
        found = _models(names[key].annotation) if key in names else []
        model = found[0] if found else model
    return model


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _secret_in_file(key: str, connector: type[Connector], where: str) -> ConfigError:
    secret = key if key in connector.secrets else next(iter(connector.secrets), "")
    env = connector.secrets.get(secret, "")
    hint = f"Take it out, treat it as known to others, and put it into the environment variable {env} or {secrets.FILE}."
    return ConfigError(f"'{key}' is a secret, and secrets never stand in this file.", where=where, hint=hint)


class _Places:
    """Where a table or a key stands in the file, for messages: tomllib does not tell."""

    def __init__(self, text: str, path: str) -> None:
        self._lines = text.splitlines()
        self._path = path

    def of(self, table: str, key: str = "") -> str:
        """Return `persync.toml, line 7, [connections.shop]`, without the line when it cannot be told."""
        steps = [rf"[\"']?{re.escape(step)}[\"']?" for step in table.split(".")]
        header = re.compile(r"\s*\[+\s*" + r"\s*\.\s*".join(steps) + r"\s*\]+") if table else None
        at = 0 if header is None else next((n for n, line in enumerate(self._lines, 1) if header.match(line)), 0)
        line = at
        if key and (at or header is None):
            wanted = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]|\s*\[+\s*{re.escape(key)}\s*[.\]]")
            for number, text in enumerate(self._lines[at:], at + 1):
                if header is not None and text.lstrip().startswith("["):
                    break
                if wanted.match(text):
                    line = number
                    break
        place = f"{self._path}, line {line}" if line else self._path
        return f"{place}, [{table}]" if table else place
