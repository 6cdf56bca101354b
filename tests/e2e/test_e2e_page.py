"""The report in a real browser: drawn light and dark, printed, and asking nobody for anything."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from e2e.runs import Site, persync

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
DARK = "--blink-settings=preferredColorScheme=0"


@pytest.fixture(scope="module")
def browser() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium here")
    return found


@pytest.fixture(scope="module")
def page(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = site.project(tmp_path_factory.mktemp("page"))
    pulled = persync(folder, "pull")
    assert (pulled.returncode, "does not know" in pulled.stdout) == (0, False)
    done = persync(folder, "report", "--out", str(folder / "report.html"))
    assert done.returncode == 0, done.stderr
    return folder / "report.html"


def draw(browser: str, page: Path, folder: Path, *flags: str) -> str:
    """Let the browser do something with the page; return what it logged."""
    done = subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def brightness(png: bytes) -> float:
    """Return the mean of all samples of an 8-bit PNG, 0 black to 255 white (filters of PNG specification, section 9)."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert depth == 8
    step = {2: 3, 6: 4}[kind]
    at, packed = 8, b""
    while at < len(png):
        size = struct.unpack(">I", png[at : at + 4])[0]
        if png[at + 4 : at + 8] == b"IDAT":
            packed += png[at + 8 : at + 8 + size]
        at += 12 + size
    raw, length = zlib.decompress(packed), width * step
    before, total = bytearray(length), 0
    for row in range(height):
        start = row * (length + 1)
        method, line = raw[start], bytearray(raw[start + 1 : start + 1 + length])
        for i in range(length):
            left = line[i - step] if i >= step else 0
            up, corner = before[i], before[i - step] if i >= step else 0
            guess = left + up - corner
            distances = (abs(guess - left), abs(guess - up), abs(guess - corner))
            nearest = (left, up, corner)[distances.index(min(distances))]
            line[i] = (line[i] + (0, left, up, (left + up) // 2, nearest)[method]) & 255
        total += sum(line[i] for i in range(length) if kind == 2 or i % 4 != 3)
        before = line
    return total / (width * height * 3)


def test_the_page_is_light_by_day_and_dark_by_night(browser: str, page: Path, tmp_path: Path) -> None:
    shades = {}
    for name, flags in (("light", ()), ("dark", (DARK,))):
        picture = tmp_path / f"{name}.png"
        said = draw(browser, page, tmp_path, "--window-size=400,500", f"--screenshot={picture}", *flags)
        assert "CONSOLE" not in said, said
        shades[name] = brightness(picture.read_bytes())

    assert shades["light"] > 200
    assert shades["dark"] < 80


def test_the_page_prints(browser: str, page: Path, tmp_path: Path) -> None:
    draw(browser, page, tmp_path, f"--print-to-pdf={tmp_path / 'report.pdf'}", "--no-pdf-header-footer")

    found = (tmp_path / "report.pdf").read_bytes()
    assert found.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", found)) >= 4


def test_every_figure_is_drawn(browser: str, page: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout.count("<svg") >= 4
    assert done.stdout.count('role="img"') >= done.stdout.count("<svg") / 2
