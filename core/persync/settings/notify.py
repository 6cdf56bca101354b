"""[notify.NAME]: a way to tell somebody, with the settings of its notifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import Field

from persync import secrets
from persync.errors import RAISED, ConfigError, PersyncError, PluginError, nearest
from persync.settings.tables import Strict
from persync.settings.toml import Places, checked

if TYPE_CHECKING:
    from persync.plugins import Host

QUIET = r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"


class NotifyTable(Strict):
    """[notify.NAME]: what every way has; `quiet` are the hours in which nothing is sent, in the report's time zone."""

    via: str
    quiet: str | None = Field(default=None, pattern=QUIET)


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to tell somebody. `settings` is of the notifier's own type, None where it has none."""

    name: str
    via: str
    quiet: tuple[int, int] | None = None
    """minutes of the day, from and to; they may go over midnight"""
    settings: Any = field(default=None, repr=False)
    secret_names: Mapping[str, str] = field(default_factory=dict)
    """{secret: environment variable}, of those that its settings use"""

    @property
    def quiet_until(self) -> str:
        """When the quiet hours end, as a clock shows it; "" without any."""
        return "" if self.quiet is None else f"{self.quiet[1] // 60:02d}:{self.quiet[1] % 60:02d}"

    def is_quiet(self, minute: int) -> bool:
        """Tell whether a minute of the day lies in the quiet hours; the same minute twice is no hours at all."""
        if self.quiet is None:
            return False
        first, last = self.quiet
        return first <= minute < last if first <= last else minute >= first or minute < last


def channels_of(
    tables: Iterable[tuple[str, Mapping[str, Any]]], host: Host, place: Places
) -> tuple[dict[str, Channel], dict[str, PersyncError]]:
    """Return the channels of tables by name, and for each that there is no notifier for what is to be said when it is used.

    Raises ConfigError for a misspelt key or a secret in the file: those are wrong whatever is installed.
    """
    channels: dict[str, Channel] = {}
    broken: dict[str, PersyncError] = {}
    for name, table in tables:
        try:
            channels[name] = channel_of(name, table, host, place)
        except (NoNotifierError, PluginError) as error:
            broken[name] = error
    return channels, broken


class NoNotifierError(ConfigError):
    """There is no notifier of this name: it is misspelt, or of a plugin that is not installed or failed."""


def channel_of(name: str, table: Mapping[str, Any], host: Host, place: Places) -> Channel:
    """Return the channel of a table.

    Raises NoNotifierError for an unknown notifier, PluginError when it trips over its settings, ConfigError for a misspelt key
    or a secret in the file.
    """
    where = f"notify.{name}"
    via = table.get("via")
    if not isinstance(via, str):
        raise ConfigError("'via' is missing.", where=place.of(where), hint=nearest("", sorted(host.notifiers)))
    if via not in host.notifiers:
        told = " ".join(f"It may be of the {one} {one.remedy}" for one in host.failures_so_far)
        hint = f"{nearest(via, sorted(host.notifiers))} {told}".rstrip()
        raise NoNotifierError(f"there is no notifier '{via}'.", where=place.of(where, "via"), hint=hint)
    notifier = host.notifiers[via]
    own = dict(table)
    names: dict[str, str] = {}
    for secret, env in notifier.secrets.items():
        if secret in own:
            hint = f"Take it out, and put it into the environment variable {env} or {secrets.FILE}."
            text = f"'{secret}' is a secret, and secrets never stand in this file."
            raise ConfigError(text, where=place.of(where, secret), hint=hint)
        names[secret] = own.pop(f"{secret}_env", env)
        if not isinstance(names[secret], str) or not secrets.NAME.fullmatch(names[secret]):
            text = f"'{secret}_env' must be the name of an environment variable, in capitals."
            raise ConfigError(text, where=place.of(where, f"{secret}_env"))
    common = {key: own.pop(key) for key in ("via", "quiet") if key in own}
    extra = tuple(f"{secret}_env" for secret in notifier.secrets)
    kind = notifier.settings_type
    settings = None
    if kind is not None:
        try:
            settings = checked(kind, own, where, place, also=("via", "quiet", *extra))
            if notifier.wants is not None:
                wanted = notifier.wants(settings)
                names = {secret: env for secret, env in names.items() if secret in wanted}
        except ConfigError:
            raise
        except RAISED as error:  # a stranger's type; its message may quote a value
            what = f"the notifier '{via}' failed over its settings: {type(error).__name__}."
            raise PluginError(what, where=place.of(where), hint="Update its plugin.") from None
        own = {}
    base = checked(NotifyTable, common | own, where, place, also=extra)
    return Channel(name, via, _minutes(base.quiet), settings, names)


def _minutes(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, last = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
    return first, last
