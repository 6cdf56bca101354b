"""A fresh environment: what a stranger's machine has after `pip install persync`, into which a test may install more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

Run = subprocess.CompletedProcess[str]

OFFLINE = ("--quiet", "--no-index", "--disable-pip-version-check")
"""what makes pip ask no index; what a distribution needs must be there already, or it is refused"""


class Fresh:
    """A virtual environment with an empty site of its own, behind which lies all that the tests run with.

    What is installed into it is seen by nobody else. `bin` has `persync` and `python`.
    """

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.bin = folder / "bin"
        (site,) = folder.glob("lib/python*/site-packages")
        # A site in a .pth, not a plain path: only then are its own .pth files read, by which an editable persync is found.
        (site / "behind.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n", encoding="utf-8")
        for name, module in (("persync", "persync.cli"), ("pip", "pip"), ("pytest", "pytest")):
            script = self.bin / name
            script.write_text(f'#!/bin/sh\nexec "{self.bin}/python" -m {module} "$@"\n', encoding="utf-8")
            script.chmod(0o755)

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a command needs; nothing of this process's environment that could hold a secret goes along."""
        kept = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "TMPDIR")}
        return kept | {"PATH": f"{self.bin}:{os.environ['PATH']}", "PIP_CACHE_DIR": "off"} | more

    def run(self, *command: str, folder: Path | None = None, **more: str) -> Run:
        """Run a command of the environment."""
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=folder,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def persync(self, folder: Path, *arguments: str, **more: str) -> Run:
        """Run persync in a project."""
        return self.run("persync", "--project", str(folder), *arguments, **more)

    def install(self, wheel: Path) -> None:
        """Install a wheel in the place of whatever version is there."""
        self._pip("install", *OFFLINE, str(wheel))

    def uninstall(self, distribution: str) -> None:
        """Take a distribution out."""
        self._pip("uninstall", "--quiet", "--yes", "--disable-pip-version-check", distribution)

    def _pip(self, *arguments: str) -> None:
        done = self.run("pip", *arguments)
        assert done.returncode == 0, done.stderr


def build_wheel(source: Path, folder: Path) -> Path:
    """Build a distribution as a wheel in an empty folder, offline, from a copy: nothing is left beside its source."""
    copy = folder / source.name
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    command = ["pip", "wheel", *OFFLINE, "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder / "wheels"), str(copy)]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (folder / "wheels").glob("*.whl")
    return wheel
