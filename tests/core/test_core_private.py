"""Files for their owner alone, with the umask of most machines: made so, and narrowed where an earlier version left them."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from persync.cli import root
from persync.engine import open_engine
from persync.engine.lake import add
from persync.errors import PersyncError, StoreError
from persync.jobs.report import write_text
from persync.store import private
from persync.store.log import broken_at
from persync.store.store import open_store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
SEEN = 1_700_000_000


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(*paths: Path) -> list[str]:
    return [f"{stat.S_IMODE(path.stat().st_mode):04o}" for path in paths]


def test_a_store_its_log_its_key_and_its_folder_are_made_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "shop" / "p.db"

    with open_store(path, create=True) as store, store.transaction() as db:
        db.execute("INSERT INTO meta VALUES ('a', 'b')")
        made = [path, path.with_name("p.db-wal"), path.with_name("p.db-shm"), path.with_suffix(".key")]
        assert modes(*made) == ["0600"] * 4
    assert modes(path.parent) == ["0700"]


def test_a_mirror_and_a_lake_are_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    open_store(path, create=True).close()
    with closing(open_engine(path)):
        pass
    add(tmp_path / "lake", path, "one", now=1)

    assert modes(path.with_suffix(".mirror"), tmp_path / "lake") == ["0700"] * 2


def test_a_new_report_is_for_its_owner_and_one_that_stands_there_keeps_its_mode(tmp_path: Path) -> None:
    page = tmp_path / "pages" / "report.html"
    write_text(page, "first")
    new = modes(page, page.parent)
    page.chmod(0o644)

    write_text(page, "second")

    assert (new, modes(page), page.read_text()) == (["0600", "0700"], ["0644"], "second")


@pytest.mark.parametrize(("old", "ours", "theirs"), [(0o640, "0600", "0640"), (0o664, "0644", "0664"), (0o604, "0600", "0604")])
def test_a_report_that_was_opened_to_a_group_is_open_to_that_group_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: int, ours: str, theirs: str
) -> None:
    """Where the writer may not give it away, its own group may do no more than everybody might."""
    page, given = tmp_path / "report.html", list[tuple[int, int]]()
    looked = Path.stat

    def of_another_group(path: Path, **options: bool) -> os.stat_result:
        found = looked(path, **options)
        return os.stat_result((*found[:5], found.st_gid + 1, *found[6:10])) if path == page else found

    def refuse(path: Path, user: int, group: int) -> None:
        raise PermissionError

    def give(path: Path, user: int, group: int) -> None:
        assert modes(path) == ["0600"], "not open to anybody before it is theirs"
        given.append((user, group))

    monkeypatch.setattr(Path, "stat", of_another_group)
    found = []
    for chown in (refuse, give):
        page.write_text("old")
        page.chmod(old)
        monkeypatch.setattr(os, "chown", chown)
        write_text(page, "new")
        found += modes(page)

    assert (found, given) == ([ours, theirs], [(-1, page.stat().st_gid)])


def test_what_persync_keeps_for_itself_is_for_its_owner_whatever_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "p.night.job.json"
    path.touch(0o644)

    private.replace(path, b"{}")

    assert (modes(path), path.read_bytes()) == (["0600"], b"{}")


def test_a_report_through_a_link_is_written_where_the_link_leads(tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    page, link, ahead = tmp_path / "served" / "r.html", tmp_path / "r.html", tmp_path / "ahead.html"
    page.write_text("old")
    link.symlink_to(page)
    ahead.symlink_to(tmp_path / "served" / "later.html")

    write_text(link, "new")
    write_text(ahead, "first")

    assert (page.read_text(), (tmp_path / "served" / "later.html").read_text()) == ("new", "first")
    assert (link.is_symlink(), ahead.is_symlink()) == (True, True)
    assert sorted(path.name for path in tmp_path.rglob("*.html")) == ["ahead.html", "later.html", "r.html", "r.html"]


def test_a_pipe_and_a_device_are_written_to_and_stay(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.html"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    screen, behind = os.openpty()  # a device that nobody misses should this fail

    write_text(pipe, "a page")
    write_text(Path(os.ttyname(behind)), "another")

    assert (os.read(reader, 100), os.read(screen, 100)) == (b"a page", b"another")
    assert (stat.S_ISFIFO(pipe.lstat().st_mode), stat.S_ISCHR(Path(os.ttyname(behind)).stat().st_mode)) == (True, True)
    for handle in (reader, screen, behind):
        os.close(handle)


def test_what_is_open_already_is_written_behind_what_stands_there(tmp_path: Path) -> None:
    """By its number, or by a link to that."""
    log, link = tmp_path / "log.txt", tmp_path / "r.html"
    log.write_text("a line\n")
    with log.open("ab", buffering=0) as file:
        link.symlink_to(f"/dev/fd/{file.fileno()}")
        for number, path in enumerate((Path(f"/dev/fd/{file.fileno()}"), link)):
            write_text(path, f"page {number}\n")
        file.write(b"the end\n")

    assert log.read_text() == "a line\npage 0\npage 1\nthe end\n"
    assert (link.is_symlink(), sorted(path.name for path in tmp_path.iterdir())) == (True, ["log.txt", "r.html"])


def test_standard_output_that_leads_into_a_file_keeps_its_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("a line\n")
    code = "import pathlib; from persync.store import private; private.replace(pathlib.Path('/dev/stdout'), b'a page')"

    with log.open("ab") as file:
        done = subprocess.run([sys.executable, "-c", code], stdout=file, stderr=subprocess.PIPE, text=True, check=False)

    assert (done.returncode, done.stderr, log.read_text()) == (0, "", "a line\na page")


def test_a_number_that_nothing_is_open_by_is_refused_in_a_line(tmp_path: Path) -> None:
    handle = os.dup(0)
    os.close(handle)

    with pytest.raises(PersyncError, match=rf"^/dev/fd/{handle}: cannot write the file: Bad file descriptor\."):
        write_text(Path(f"/dev/fd/{handle}"), "a page")


def test_what_is_neither_file_nor_pipe_is_refused_in_a_line_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(path))

        with pytest.raises(PersyncError) as caught:
            write_text(path, "a page")

    assert str(caught.value) == f"{path}: cannot write the file: it is neither a file nor a pipe. Choose another place."
    assert (stat.S_ISSOCK(path.lstat().st_mode), list(tmp_path.iterdir())) == (True, [path])


def test_two_writers_of_one_file_do_not_meet_and_the_last_one_stands(tmp_path: Path) -> None:
    page = tmp_path / "r.html"

    with private.replacing(page) as first:
        first.write(b"first, but late")
        with private.replacing(page) as second:
            second.write(b"second")
        between = page.read_bytes()

    assert (between, page.read_bytes()) == (b"second", b"first, but late")
    assert list(tmp_path.iterdir()) == [page]


def test_what_a_killed_writer_left_is_taken_away_a_day_later_and_no_other_file(tmp_path: Path) -> None:
    old, fresh, other = (tmp_path / name for name in (".r.html.a.new", ".r.html.b.new", ".s.html.a.new"))
    for path in (old, fresh, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (1, 1))

    write_text(tmp_path / "r.html", "new")

    assert sorted(path.name for path in tmp_path.iterdir()) == [".r.html.b.new", ".s.html.a.new", "r.html"]


def test_whatever_a_command_writes_is_for_its_owner_and_the_umask_is_put_back(tmp_path: Path) -> None:
    done = CliRunner().invoke(root, ["--project", str(tmp_path / "new"), "init"])

    assert done.exit_code == 0, done.output
    written = [tmp_path / "new", *(tmp_path / "new").rglob("*")]
    assert len(written) > 3
    assert set(modes(*written)) <= {"0600", "0700"}
    now = os.umask(0o022)
    assert now == 0o022


def older(path: Path) -> None:
    """Leave a store as versions did that asked the umask alone."""
    open_store(path, create=True).close()
    mirror = path.with_suffix(".mirror")
    mirror.mkdir()
    (mirror / "orders-g1.parquet").write_bytes(b"")
    copy = path.with_suffix(".before-3.db")
    copy.write_bytes(b"")
    for each, mode in ((path, 0o644), (mirror, 0o755), (mirror / "orders-g1.parquet", 0o644), (copy, 0o640)):
        each.chmod(mode)


def test_an_open_store_is_narrowed_once_and_the_log_says_what_was_open(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    older(path)
    (tmp_path / "other.before-1.db").write_bytes(b"")

    open_store(path, clock=lambda: SEEN).close()
    with open_store(path) as store:
        told = store.db.execute("SELECT happened_at, event, detail FROM log").fetchall()
        assert broken_at(store.db) is None

    mirror = path.with_suffix(".mirror")
    assert modes(path, mirror / "orders-g1.parquet", path.with_suffix(".before-3.db")) == ["0600"] * 3
    assert modes(mirror) == ["0700"]
    was = {"p.db": "0644", "p.db-wal": "0644", "p.db-shm": "0644", "p.mirror": "0755", "p.before-3.db": "0640"}
    assert told == [(SEEN * 1000, "files narrowed", ", ".join(f"{name} was {mode}" for name, mode in was.items()))]
    assert modes(tmp_path / "other.before-1.db") == ["0644"], "not this store's"


def test_another_programs_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    path.write_bytes(b"no database at all, but long enough to look like something of some use to somebody" * 20)
    path.chmod(0o644)

    with pytest.raises(StoreError):
        open_store(path)

    assert modes(path) == ["0644"]


def test_a_store_that_another_program_writes_to_is_narrowed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.db"
    older(path)
    monkeypatch.setattr("persync.store.store.BUSY_MS", 1)

    with open_store(tmp_path / "p.db") as first, first.transaction():
        path.chmod(0o644)
        with open_store(path) as second:
            entries = second.db.execute("SELECT count(*) FROM log").fetchone()

    assert (modes(path), entries) == (["0600"], (1,))


def test_where_files_have_no_modes_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.db"
    older(path)
    monkeypatch.setattr(private, "HAS_MODES", False)

    with open_store(path) as store:
        assert store.db.execute("SELECT count(*) FROM log").fetchone() == (0,)

    assert modes(path) == ["0644"]
