"""The demonstration: a made-up shop, its imitated vendors, a pull of all of them, and the report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from persync.errors import DataError, PersyncError
from persync.jobs.pulling import failures, pull_project
from persync.jobs.report import make_report, write_text

if TYPE_CHECKING:
    from persync.connect.result import Watcher
    from persync.plugins import Host


def run_demo(
    host: Host,
    folder: Path,
    seed: int,
    *,
    say: Callable[[str], object],
    leave_out: Callable[[PersyncError], object],
    watch: Watcher | None = None,
) -> Path:
    """Run the demonstration in `folder` and return the report's absolute path. `leave_out` is told of each sandbox that raises.

    The clock is the world's own, so that one seed gives one report. Raises DataError when a pull fails.
    """
    from persync.connect.result import PullOptions
    from persync.engine import open_engine
    from persync.sandbox.demo import make_world
    from persync.sandbox.papers import add_papers
    from persync.sandbox.server import running, write_config
    from persync.settings import load_project

    folder = folder.resolve()
    say(f"making up a shop (seed {seed})")
    world = add_papers(make_world(seed))
    with running(world, host.sandboxes, folder=folder, leave_out=leave_out) as info:
        write_config(folder, world, info)
        project = replace(load_project(folder, host), given_secrets=info["secrets"])
        project = replace(project, report=project.report.model_copy(update={"name": world.shop_name}))
        say(f"pulling {', '.join(project.connections)} from the imitated vendors")
        result = pull_project(host, project, (), PullOptions(now=world.now), watch)
    if result.interrupted:
        raise KeyboardInterrupt(result.interrupted)
    if wrong := failures(result):
        raise DataError(f"the demonstration could not be pulled: {wrong[0]}")
    say("making the report")
    with closing(open_engine(project.store_path, engines=host.engines)) as engine:
        text, _ = make_report(host, project, engine, project.ask(world.now), "html")
    path = folder / "report.html"
    write_text(path, text)
    return path
