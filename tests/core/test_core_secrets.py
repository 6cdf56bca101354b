"""Where secrets are looked for, and that nobody else can read them."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from persync import secrets
from persync.errors import ConfigError


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / secrets.FILE
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_the_environment_comes_before_the_file_and_the_file_before_the_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = types.ModuleType("keyring")
    keyring.get_password = lambda service, name: f"ring {service} {name}"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    write(tmp_path, 'SHOP_TOKEN = "from the file"\n')

    def found(env: str, environ: dict[str, str]) -> tuple[str, str] | None:
        one = secrets.find("token", env, tmp_path, environ=environ)
        return (one.value, one.where) if one else None

    assert found("SHOP_TOKEN", {"SHOP_TOKEN": " from outside\n"}) == ("from outside", "environment variable SHOP_TOKEN")
    assert found("SHOP_TOKEN", {"SHOP_TOKEN": "  "}) == ("from the file", "persync.secrets.toml")
    assert found("OTHER", {}) == ("ring persync OTHER", "keyring")


def test_a_credential_of_systemd_comes_between_environment_and_file(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "SHOP_TOKEN").write_text("from systemd\n")
    secrets.save_in_file(tmp_path / secrets.FILE, "SHOP_TOKEN", "from the file")
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}

    def found(**more: str) -> tuple[str, str] | None:
        one = secrets.find("token", "SHOP_TOKEN", tmp_path, environ=environ | more)
        return one and (one.value, one.where)

    assert found() == ("from systemd", "systemd credential")
    assert found(SHOP_TOKEN="from outside") == ("from outside", "environment variable SHOP_TOKEN")
    (credentials / "SHOP_TOKEN").unlink()
    assert found() == ("from the file", secrets.FILE)


def test_nothing_found_is_none(tmp_path: Path) -> None:
    assert secrets.find("token", "SHOP_TOKEN", tmp_path, environ={}) is None


def test_a_found_secret_hides_its_value(tmp_path: Path) -> None:
    write(tmp_path, 'SHOP_TOKEN = "hush-hush"\n')

    assert "hush" not in repr(secrets.find("token", "SHOP_TOKEN", tmp_path, environ={}))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, 'SHOP_TOKEN = "hush"\n', mode)

    with pytest.raises(ConfigError) as caught:
        secrets.find("token", "SHOP_TOKEN", tmp_path, environ={})

    assert str(caught.value) == (
        f"{path}: others on this machine may read it (mode {mode:04o}), so it is not used. Run: chmod 600 {path}"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('SHOP_TOKEN = "hush\n', "line 1: it is not valid TOML."),
        ("SHOP_TOKEN = hush\n", "line 1: it is not valid TOML."),
        ('[shop]\ntoken = "hush"\n', "'shop' is not a string: the file is flat"),
        ("SHOP_TOKEN = 7\n", "'SHOP_TOKEN' is not a string: the file is flat"),
    ],
)
def test_a_broken_file_says_where_and_not_what(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        secrets.find("token", "SHOP_TOKEN", tmp_path, environ={})

    assert message in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_saved_secret_is_read_back_and_other_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / secrets.FILE
    secrets.save_in_file(path, "A_TOKEN", 'quo"te\\back\x7f')
    path.write_text(path.read_text() + "# a comment\nB_TOKEN = 'b'\n")
    path.chmod(0o600)
    secrets.save_in_file(path, "A_TOKEN", "new")

    assert secrets.read_file(path) == {"A_TOKEN": "new", "B_TOKEN": "b"}
    assert "# a comment" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [secrets.FILE]


def test_odd_characters_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / secrets.FILE
    value = 'a"b\\c\td\x7fé'
    secrets.save_in_file(path, "A_TOKEN", value)

    assert secrets.read_file(path) == {"A_TOKEN": value}


def test_a_missing_keyring_library_says_how_to_get_it() -> None:
    with pytest.raises(ConfigError, match=r"the keyring library is not installed\. Run: pip install 'persync\[keyring\]'"):
        secrets.save_in_keyring("A_TOKEN", "x")


def test_a_keyring_that_does_not_answer_is_like_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(service: str, name: str) -> str:
        raise RuntimeError("locked")

    keyring = types.ModuleType("keyring")
    keyring.get_password = locked  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)

    assert secrets.find("token", "SHOP_TOKEN", tmp_path, environ={}) is None
