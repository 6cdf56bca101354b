"""Run inside a fresh environment: serve a small shop through every sandbox that is installed there, until stdin ends.

    python serving.py FOLDER CONNECTOR...

FOLDER gets a ready project; "ready" on stdout says that it can be pulled.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from persync.plugins import load_plugins
from persync.sandbox.demo import make_world
from persync.sandbox.server import running, write_config

PEOPLE = 80


def main(folder: Path, platforms: tuple[str, ...]) -> None:
    """Serve the platforms."""
    world = replace(make_world(7, people=PEOPLE), files={}, file_kinds={}, experiments={}, platforms=platforms)
    with running(world, load_plugins().sandboxes, folder=folder) as info:
        write_config(folder, world, info)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(sys.argv[2:]))
