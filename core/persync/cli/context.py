"""What a command is given: the project, the plugins, the store and the engine, each opened when it is first wanted."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.errors import PersyncError
    from persync.measure.metric import Ask
    from persync.plugins import Host, Plugin
    from persync.settings import Project
    from persync.store.store import Store

NOTHING_HIDDEN = 1
"""the `suppress_n` at which no group is hidden"""


class App:
    """One call of the command line."""

    def __init__(
        self,
        folder: Path = Path(),
        *,
        without: tuple[str, ...] = (),
        quiet: bool = False,
        no_input: bool = False,
        color: str = "auto",
    ) -> None:
        self.folder = folder
        self.without = without
        self.quiet = quiet
        self.no_input = no_input
        self.color = color
        self.engine_name = "duckdb"
        self.master: str | None = None
        self.lake: str | None = None
        self.stores: tuple[str, ...] = ()
        self.small_groups = False
        self._told = 0

    def change(self, attribute: str, value: Any) -> None:
        """Take over an option that is not the command's own: one of the root's that stood after it, or an engine's."""
        setattr(self, attribute, (*self.without, *value) if attribute == "without" else value)

    @cached_property
    def now(self) -> int:
        """The moment of this call, in epoch ms: the only clock that commands read."""
        return int(time.time() * 1000)

    @cached_property
    def host(self) -> Host:
        """The plugins."""
        from persync.plugins import load_plugins

        return load_plugins(without=self.without)

    @cached_property
    def project(self) -> Project:
        """The settings of the project's folder."""
        from persync.settings import load_project

        return load_project(self.folder, self.host)

    def ask(self, period: str | None = None, **more: Any) -> Ask:
        """Return the question that settings and options make."""
        ask = self.project.ask(self.now, period, **more)
        return self._unhidden(ask) if self.small_groups or ask.small_groups else ask

    def _unhidden(self, ask: Ask) -> Ask:
        """Return the question with small groups shown, all of them where the option says so. It is said and logged: whoever
        reads the numbers may recognise people."""
        from dataclasses import replace

        from persync.store.log import note_small_groups

        if self.small_groups:
            ask = replace(ask, suppress_n=NOTHING_HIDDEN)
        if self.lake and self.small_groups:
            raise click.UsageError("--show-small-groups is written into a store's log, and a lake has none.")
        if self.project.store_path.exists():
            context = click.get_current_context(silent=True)
            with self.store() as store:
                note_small_groups(store, context.info_name or "" if context else "", ask.small_groups, now=self.now)
        self.say(f"persync: small groups are not hidden in this answer: it shows {ask.small_groups}. People may be recognised.")
        return ask

    @contextmanager
    def store(self, *, create: bool = False) -> Iterator[Store]:
        """Open the store."""
        from persync.store.store import open_store

        store = open_store(self.project.store_path, create=create)
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Bring the mirror, or the lake, up to date and open the engine that the options name over it."""
        if self.stores and not self.lake:
            raise click.UsageError("--store names a store in a lake: say which one with --lake.")
        with ExitStack() as stack:
            yield stack.enter_context(closing(self._opened(stack)))

    def _opened(self, stack: ExitStack) -> Engine:
        """Open the engine; where nothing may be written beside the store, over a mirror that lasts as long as `stack`."""
        from tempfile import TemporaryDirectory

        from persync.engine import open_engine
        from persync.engine.mirror import ReadOnlyMirrorError
        from persync.store.store import open_store

        options = {"master": self.master} if self.master else {}
        if self.lake:
            from persync.engine.lake import open_lake

            return open_lake(
                self.lake, self.engine_name, stores=self.stores, now=self.now, engines=self.host.engines, options=options
            )
        open_store(self.project.store_path).close()  # says it best when there is none, or another program's
        opened = partial(open_engine, self.project.store_path, self.engine_name, engines=self.host.engines, options=options)
        try:
            return opened()
        except ReadOnlyMirrorError as problem:
            self.note(f"{problem.what} For this answer it is made in a temporary folder, and goes with it.")
            return opened(folder=Path(stack.enter_context(TemporaryDirectory(prefix="persync-"))))

    @property
    def may_ask(self) -> bool:
        """Whether somebody is there to be asked, and did not say --no-input."""
        return not self.no_input and is_interactive()

    def say(self, text: str) -> None:
        """Tell what is going on, on stderr."""
        if not self.quiet:
            click.echo(text, err=True)

    def note(self, text: str) -> None:
        """Tell what is to be said beside a result, on stderr."""
        self.say(f"persync: {text}")

    def strangers(self) -> list[Plugin]:
        """Return the plugins of others that were loaded; one that lies within another's package comes before it."""
        host: Host | None = self.__dict__.get("host")
        found = [plugin for plugin in host.plugins if isinstance(plugin.module, ModuleType)] if host else []
        return sorted((one for one in found if not one.is_bundled), key=lambda one: len(one.module.__name__), reverse=True)

    def warn(self, text: str) -> None:
        """Tell what is wrong or left out, on stderr, with --quiet too."""
        click.echo(f"persync: {text}", err=True)

    def leave_out(self, problem: PersyncError) -> None:
        """Tell of something that is left out while the rest goes on."""
        self.warn(f"{problem} It is left out.")

    def tell_nothing(self) -> None:
        """Mark the failed plugins as told: the command shows them itself."""
        self._told = len(self.host.failures_so_far)

    def tell_failures(self) -> None:
        """Say, once, which plugins are not used, and with --quiet too which connections are not read because of one."""
        host, project = self.__dict__.get("host"), self.__dict__.get("project")
        failures = host.failures_so_far[self._told :] if host else []
        self._told += len(failures)
        for failure in failures:
            lost = [name for name, error in (project.broken if project else {}).items() if str(failure) in error.what]
            because = f" Not read because of it: {', '.join(lost)}." if lost else ""
            if lost or not self.quiet:
                click.echo(f"persync: {failure}{because} {failure.remedy}", err=True)


def is_interactive() -> bool:
    """Tell whether somebody sits at a terminal: what is asked is seen there, and what is typed comes from there."""
    return sys.stdin.isatty() and sys.stderr.isatty()


pass_app = click.make_pass_decorator(App)
