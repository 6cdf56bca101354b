"""The plugin host: finds plugins, loads them one by one, collects what they offer.

Plugins are entry points of the group `persync`; persync's own parts come through the same hooks. A plugin that is
broken, misspells a hook or clashes with another is a `Failure`, never the end of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pluggy

from persync import hookspecs
from persync.errors import ConfigError, PersyncError, UnknownNameError, nearest

if TYPE_CHECKING:
    from persync.attribution.models import AttributionModel
    from persync.connect.connector import Connector
    from persync.engine.engine import EngineType
    from persync.hookspecs import Notifier, Sandbox
    from persync.imports.importer import Importer
    from persync.measure.metric import Metric
    from persync.report.report import Section

GROUP = "persync"
BUNDLED = "persync"
"""The distribution whose plugins are shown as bundled."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A plugin, or one thing it offers, that is not used, and why. `name` is the entry point's."""

    name: str
    distribution: str
    version: str
    reason: str
    connector: str = ""
    """the connector that is not to be had because of it, where its name is known"""
    hides: bool = field(default=False, compare=False)
    """whether nobody knows which connectors it would have offered: an entry point may be called unlike its connectors"""
    remedy: ClassVar[str] = "Update it or install it anew; `persync plugins list` shows what is used."

    def __str__(self) -> str:
        source = f" ({self.distribution} {self.version})" if self.distribution else ""
        return f"plugin '{self.name}'{source}: {self.sentence}"

    @property
    def sentence(self) -> str:
        """Return the reason with its stop; a question has its own."""
        return self.reason if self.reason.endswith("?") else f"{self.reason.rstrip('.')}."


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that was loaded. `distribution` is "" for one that was handed over in code."""

    name: str
    distribution: str
    version: str
    module: Any

    @property
    def is_bundled(self) -> bool:
        """Tell whether it came with persync."""
        return self.distribution == BUNDLED

    def __str__(self) -> str:
        return f"'{self.name}' ({self.distribution} {self.version})" if self.distribution else f"'{self.name}'"


@dataclass(frozen=True, slots=True)
class _Kind:
    """One hook: the word for what it yields, where its type stands, which attribute is the name, core's own modules.

    `is_class`: it yields subclasses of the type, not instances.
    """

    hook: str
    noun: str
    type: str
    key: str = "name"
    core: tuple[str, ...] = ()
    is_class: bool = False


_KINDS = {
    "connectors": _Kind(
        "persync_connectors",
        "connector",
        "persync.connect.connector:Connector",
        core=("persync.imports.registry",),
        is_class=True,
    ),
    "sandboxes": _Kind("persync_sandboxes", "sandbox", "persync.hookspecs:Sandbox"),
    "models": _Kind(
        "persync_attribution_models",
        "attribution model",
        "persync.attribution.models:AttributionModel",
        core=("persync.attribution.models", "persync.attribution.registry"),
    ),
    "metrics": _Kind(
        "persync_metrics", "metric", "persync.measure.metric:Metric", key="id", core=("persync.measure.registry",)
    ),
    "sections": _Kind(
        "persync_report_sections", "report section", "persync.report.report:Section", core=("persync.report.registry",)
    ),
    "engines": _Kind(
        "persync_engines", "engine", "persync.engine.engine:EngineType", core=("persync.engine.duck", "persync.engine.spark")
    ),
    "notifiers": _Kind("persync_notifiers", "notifier", "persync.hookspecs:Notifier", core=("persync.jobs.notify.registry",)),
    "importers": _Kind(
        "persync_importers", "importer", "persync.imports.importer:Importer", key="kind", core=("persync.imports.registry",)
    ),
}

HOOKS = tuple(kind.hook for kind in _KINDS.values())


class Host:
    """What the loaded plugins and persync itself offer, by name; each kind is collected when it is first asked for."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager("persync")
        self._manager.add_hookspecs(hookspecs)
        self._failures: list[Failure] = []
        self._collected: dict[str, dict[str, tuple[Plugin, Any]]] = {}
        self._rooms: dict[str, Plugin] = {}
        self.plugins: list[Plugin] = []

    @property
    def connectors(self) -> Mapping[str, type[Connector]]:
        """Connectors by name."""
        return self._values("connectors")

    @property
    def sandboxes(self) -> Mapping[str, Sandbox]:
        """Sandboxes by name."""
        return self._values("sandboxes")

    @property
    def models(self) -> Mapping[str, AttributionModel]:
        """Attribution models by name."""
        return self._values("models")

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Metrics by id."""
        return self._values("metrics")

    @property
    def sections(self) -> Mapping[str, Section]:
        """Report sections by name, in their order on the page."""
        return dict(sorted(self._values("sections").items(), key=lambda item: (item[1].order, item[0])))

    @property
    def engines(self) -> Mapping[str, EngineType]:
        """Engines by name."""
        return self._values("engines")

    @property
    def notifiers(self) -> Mapping[str, Notifier]:
        """Notifiers by name."""
        return self._values("notifiers")

    @property
    def importers(self) -> Mapping[str, Importer]:
        """Importers by kind of file."""
        return self._values("importers")

    @property
    def failures(self) -> list[Failure]:
        """Everything that is not used, with its reason. Asks every plugin for everything it offers."""
        for attribute in _KINDS:
            self._collect(attribute)
        return list(self._failures)

    @property
    def failures_so_far(self) -> list[Failure]:
        """What has failed until now, without asking for more."""
        return list(self._failures)

    @property
    def core(self) -> list[Plugin]:
        """Persync's own rooms that offer something, each as the plugin it acts as."""
        for attribute in _KINDS:
            self._collect(attribute)
        return [self._rooms[name] for name in sorted(self._rooms)]

    def offers(self, plugin: Plugin) -> dict[str, list[str]]:
        """Return the names of what one plugin offers and persync uses, by kind."""
        found = {a: sorted(n for n, (owner, _) in self._collect(a).items() if owner is plugin) for a in _KINDS}
        return {attribute: names for attribute, names in found.items() if names}

    def owner(self, attribute: str, name: str) -> Plugin | None:
        """Return the plugin that offers one thing ("models", "linear"), None where nobody does."""
        return self._collect(attribute).get(name, (None, None))[0]

    def refuse(self, name: str, distribution: str, version: str, reason: str) -> None:
        """Note a plugin that is not used."""
        self._failures.append(Failure(name, distribution, version, reason, hides=True))

    def add(self, name: str, distribution: str, version: str, load: Callable[[], Any]) -> None:
        """Import and register one plugin, or note why not."""
        try:
            module = load()
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything at import
            self.refuse(name, distribution, version, f"it cannot be imported: {_reason(error)}")
            return
        plugin = Plugin(name, distribution, version, module)
        full_name = f"{distribution}:{name}"
        try:
            self._manager.register(module, name=full_name)
            # After every plugin, so that a misspelt hook is laid at the right door and nothing of it stays behind.
            self._manager.check_pending()
        except Exception as error:
            if self._manager.has_plugin(full_name):
                self._manager.unregister(name=full_name)
            self.refuse(name, distribution, version, _misspelt(module) or _reason(error))
            return
        self.plugins.append(plugin)

    def _values(self, attribute: str) -> dict[str, Any]:
        return {name: value for name, (_, value) in self._collect(attribute).items()}

    def _collect(self, attribute: str) -> dict[str, tuple[Plugin, Any]]:
        """Ask core and every plugin for one kind of thing; a name that is taken goes to nobody new."""
        if attribute in self._collected:
            return self._collected[attribute]
        kind = _KINDS[attribute]
        accepted = _resolve(kind.type)
        taken: dict[str, tuple[Plugin, Any]] = {}
        refused: set[str] = set()
        for plugin, hook in self._implementers(kind):
            for value in self._ask(plugin, hook, kind):
                if not _is_a(value, accepted, kind):
                    article = "an" if kind.noun[0] in "aei" else "a"
                    reason = f"it yields {type(value).__name__} where {kind.hook} wants {article} {kind.noun}."
                    self._note(plugin, reason, hides=kind.noun == "connector")
                    continue
                name = getattr(value, kind.key)
                if name not in taken and name not in refused:
                    taken[name] = (plugin, value)
                    continue
                self._clash(kind, name, taken, refused, plugin)
        self._collected[attribute] = dict(sorted(taken.items()))
        return self._collected[attribute]

    def _clash(self, kind: _Kind, name: str, taken: dict[str, tuple[Plugin, Any]], refused: set[str], newcomer: Plugin) -> None:
        """Settle a name that two offer: persync's own keeps it, of two strangers neither gets it."""
        owner = taken[name][0] if name in taken else None
        if owner and owner.is_bundled:
            self._note(newcomer, f"its {kind.noun} '{name}' clashes with the one of {owner}, which is kept.{_LEAVE_OUT}")
            return
        connector = name if kind.noun == "connector" else ""
        taken.pop(name, None)
        refused.add(name)
        for one, other in ((owner, newcomer), (newcomer, owner)):
            if one:
                whose = f"the one of {other}" if other else "others"
                self._note(one, f"its {kind.noun} '{name}' clashes with {whose}; neither is used.{_LEAVE_OUT}", connector)

    def _implementers(self, kind: _Kind) -> Iterator[tuple[Plugin, Callable[[], Iterable[Any]]]]:
        for path in kind.core:
            room = path.removeprefix("persync.").split(".", 1)[0]
            core = self._rooms.setdefault(room, Plugin(room, BUNDLED, _version(), None))
            try:
                yield core, getattr(import_module(path), kind.hook)
            except (ImportError, AttributeError) as error:
                self._note(core, f"it cannot be imported: {_reason(error)}")
        implementers = {id(one.plugin): one.function for one in getattr(self._manager.hook, kind.hook).get_hookimpls()}
        for plugin in self.plugins:
            if id(plugin.module) in implementers:
                yield plugin, implementers[id(plugin.module)]

    def _ask(self, plugin: Plugin, hook: Callable[[], Iterable[Any]], kind: _Kind) -> list[Any]:
        """Call one implementation. Not through pluggy's own loop, which one exception would end for everybody."""
        try:
            return list(hook())
        except (Exception, SystemExit) as error:
            reason = f"{getattr(hook, '__name__', 'its hook')} failed: {_reason(error)}"
            self._note(plugin, reason, hides=kind.noun == "connector")
            return []

    def _note(self, plugin: Plugin, reason: str, connector: str = "", *, hides: bool = False) -> None:
        self._failures.append(Failure(plugin.name, plugin.distribution, plugin.version, reason, connector, hides))


_LEAVE_OUT = " Leave one out with --without NAME."


def load_plugins(extra: Iterable[Any] = (), *, without: Iterable[str] = (), installed: bool = True) -> Host:
    """Return a fresh host.

    `extra` are plugin modules (or objects with hooks) beside the installed ones; `without` leaves out plugins by name;
    `installed=False` looks at no entry point at all. Raises ConfigError when a name in `without` is no plugin's.
    """
    left_out = set(without)
    found = sorted(entry_points(group=GROUP), key=_bundled_first) if installed else []
    handed = [(getattr(one, "__name__", type(one).__name__), one) for one in extra]
    names = {point.name for point in found} | {name for name, _ in handed}
    for name in sorted(left_out - names):
        raise ConfigError(f"there is no plugin '{name}' to leave out.", hint=nearest(name, sorted(names)))

    kept = [point for point in found if point.name not in left_out]
    host = Host()
    for point in kept:
        rivals = [other for other in kept if other.name == point.name and other is not point]
        if rivals and _distribution(point) != BUNDLED:
            # An installed name stands for one plugin; persync's own keeps its name, of two strangers neither gets it.
            others = " and ".join(f"{_distribution(one)} {_dist_version(one)}" for one in rivals)
            reason = f"the name is also used by a plugin of {others}: uninstall one of them."
            host.refuse(point.name, _distribution(point), _dist_version(point), reason)
            continue
        host.add(point.name, _distribution(point), _dist_version(point), point.load)
    for name, module in handed:
        if name not in left_out:
            host.add(name, "", "", lambda module=module: module)  # type: ignore[misc]
    return host


SHOWN: Final = {"metric": "`persync metrics list` shows all."}


def titles_of(among: Mapping[str, Any]) -> dict[str, str]:
    """Return {name: title} of metrics, sections, connectors or whatever there is, "" for what has no title."""
    titles = {name: getattr(among[name], "title", "") for name in sorted(among)}
    return {name: title if isinstance(title, str) else "" for name, title in titles.items()}


def find(kind: str, name: str, among: Mapping[str, Any], empty: str = "") -> Any:
    """Return one of several things by name. Raise UnknownNameError naming the nearest when there is none; where there are none
    at all `empty` says what to do."""
    if name not in among:
        hint = nearest(name, titles_of(among), SHOWN.get(kind, "")) or empty
        raise UnknownNameError(f"there is no {kind} '{name}'.", name=name, hint=hint)
    return among[name]


def _bundled_first(point: EntryPoint) -> tuple[bool, str, str]:
    return _distribution(point) != BUNDLED, _distribution(point), point.name


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"


def _dist_version(point: EntryPoint) -> str:
    return point.dist.version if point.dist else ""


def _version() -> str:
    from persync import __version__

    return __version__


def _resolve(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def _is_a(value: Any, accepted: type, kind: _Kind) -> bool:
    """Tell whether a value is of the kind that a hook wants; a class needs its name, an instance has it by its type."""
    if kind.is_class:
        return isinstance(value, type) and issubclass(value, accepted) and isinstance(getattr(value, kind.key, None), str)
    return isinstance(value, accepted)


def _misspelt(module: Any) -> str | None:
    """Return the sentence about the first hook that persync does not know."""
    for name in sorted(dir(module)):
        if hasattr(getattr(module, name, None), "persync_impl") and name not in HOOKS:
            return f"it implements '{name}', which is no hook. {nearest(name, HOOKS)}"
    return None


def _reason(error: BaseException) -> str:
    """One line: the type and the message of an error, or persync's own sentence."""
    if isinstance(error, PersyncError):
        return str(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__
