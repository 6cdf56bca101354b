"""How the answers about the project itself are made: what is set and installed, and what a close look at it finds.

None is kept: they rest on more than the data (the modes of files, the key, copies of the store), of whose changes no snapshot
knows. For `config` and `doctor` the settings are read anew too: these are of persync.toml as it is, and so may differ from what
the pages go by. The others go by the settings that the server began with.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from persync.jobs.answers import checked, listed
from persync.serve.api.params import Asked
from persync.serve.diary import reading, store_of
from persync.serve.filters import Filters
from persync.settings import load_project
from persync.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.serve.site import Site
    from persync.settings import Project


def _now(site: Site) -> Project:
    return load_project(site.project.folder, site.host)


@contextmanager
def _opened(path: Path) -> Iterator[Store]:
    with reading(path) as db:
        yield Store(path, db)


def config(site: Site, asked: Asked) -> str:
    return listed.settings_json(listed.settings_of(_now(site), site.host, asked["table"]))


def plugins(site: Site, asked: Asked) -> str:
    return listed.plugins_json(listed.plugin_entries(site.host))


def doctor(site: Site, asked: Asked) -> str:
    from persync.jobs.examine import examine

    found = examine(site.host, site.project.folder, lambda: _now(site), now=site.moment(), is_offline=True, opened=_opened)
    return checked.findings_json(found)


def verify(site: Site, asked: Asked) -> str:
    from persync.jobs.verifying import verify_project

    with store_of(site) as store:
        return checked.verified_json(verify_project(site.host, site.project, store))


def audit(site: Site, asked: Asked) -> str:
    from persync.privacy.audit import audit as audited

    def make(engine: Engine, ask: Ask, _: object) -> str:
        with store_of(site) as store:
            found = audited(store, site.project, now=ask.now, regimes=asked["regime"], engine=lambda: nullcontext(engine))
        return checked.audited_json(found)

    return site.anew(Filters(), make)
