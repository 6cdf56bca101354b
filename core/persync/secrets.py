"""Where secrets are: environment variable, then systemd's credentials, then the 0600 file `persync.secrets.toml`, then the
system's keyring.

Never in persync.toml, never printed: a `Found` hides its value.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from persync.errors import ConfigError
from persync.redact import register
from persync.store import private

FILE = "persync.secrets.toml"
SERVICE = "persync"
"""The name under which secrets stand in a keyring."""
NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
"""What an environment variable's name looks like here; capitals only, so that a token put in its place is noticed."""


@dataclass(frozen=True, slots=True)
class Found:
    """A secret and the place it was found at. The value never shows in a repr."""

    value: str = field(repr=False)
    where: str

    def __post_init__(self) -> None:
        register(self.value)


def find(secret: str, env: str, folder: Path, *, environ: Mapping[str, str] = os.environ) -> Found | None:
    """Return the secret that goes by the name `env`, or None when no place has it.

    `secret` is the connector's word for it (token), only used in messages. Raises ConfigError when the secrets file may
    be read by others or is not flat TOML.
    """
    if value := environ.get(env, "").strip():
        return Found(value, f"environment variable {env}")
    if value := _credential(env, environ.get("CREDENTIALS_DIRECTORY", "")).strip():
        return Found(value, "systemd credential")
    if value := read_file(folder / FILE).get(env, "").strip():
        return Found(value, FILE)
    if value := (_from_keyring(env) or "").strip():
        return Found(value, "keyring")
    return None


def _credential(env: str, folder: str) -> str:
    """Return what systemd passed under this name (LoadCredential= of a unit), "" without."""
    if not folder:
        return ""
    try:
        return (Path(folder) / env).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def read_file(path: Path) -> dict[str, str]:
    """Return the flat `NAME = "value"` pairs of a secrets file, {} when there is none."""
    try:
        with path.open("rb") as file:
            # Asked of the open file, so that nobody can swap it between the question and the reading.
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                text = f"others on this machine may read it (mode {mode:04o}), so it is not used."
                raise ConfigError(text, where=str(path), hint=f"Run: chmod 600 {path}")
            values = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line \d+", str(error))
        # The parser's own message may quote the line, and the line holds a secret.
        raise ConfigError("it is not valid TOML.", where=f"{path}, {place[0] if place else 'end'}") from None
    except UnicodeDecodeError:
        raise ConfigError("it is not UTF-8 text.", where=str(path)) from None
    except (ValueError, RecursionError):
        # Nested thousands deep, or a number of thousands of digits: Python's parser trips over what the grammar allows.
        raise ConfigError('it is not a flat list of texts: the file is flat, NAME = "value".', where=str(path)) from None
    except OSError as error:
        raise ConfigError(f"it cannot be read ({error.strerror}).", where=str(path)) from None
    for name, value in values.items():
        if not isinstance(value, str):
            raise ConfigError(f"'{name}' is not a string: the file is flat, NAME = \"value\".", where=str(path))
    return values


def save_in_file(path: Path, env: str, value: str) -> None:
    """Put one secret into the file, readable by its owner alone; other lines and comments stay as they are."""
    read_file(path)  # refuses a file that is open to others or broken before anything is written
    line = f"{env} = {_toml_string(value)}"
    old = (
        path.read_text(encoding="utf-8").splitlines()
        if path.exists()
        else ["# Secrets of persync. Keep this file to yourself."]
    )
    same = re.compile(rf"\s*{re.escape(env)}\s*=")
    kept = [text for text in old if not same.match(text)]
    private.replace(path, ("\n".join([*kept, line]) + "\n").encode())


def save_in_keyring(env: str, value: str) -> None:
    """Put one secret into the system's keyring. Raise ConfigError when there is none."""
    try:
        import keyring
    except ImportError:
        raise ConfigError("the keyring library is not installed.", hint="Run: pip install 'persync[keyring]'") from None
    try:
        keyring.set_password(SERVICE, env, value)
    except Exception as error:  # every backend has its own errors
        raise ConfigError(f"the keyring cannot be used ({type(error).__name__}).", hint="Leave out --keyring.") from None


def _from_keyring(env: str) -> str | None:
    try:
        import keyring
    except ImportError:
        return None
    try:
        value: str | None = keyring.get_password(SERVICE, env)
    except Exception:  # no keyring is running: the same as not having the secret
        return None
    return value


def _toml_string(value: str) -> str:
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\\x7f' else c for c in value)
    return f'"{escaped}"'
