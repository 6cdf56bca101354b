"""A notifier: a file that somebody watches, each line signed so that nobody else's words stand there unseen."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from persync.errors import ConfigError, PersyncError
from persync.hookspecs import Message, Notifier


class PinboardSettings(BaseModel):
    """What stands in [notify.NAME] beside `via`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path


def pin(settings: PinboardSettings, secrets: Mapping[str, str], message: Message) -> None:
    """Add a line: status, subject and the signature of both."""
    if not secrets.get("seal"):
        raise ConfigError("the board has no seal.", hint="Set PINBOARD_SEAL.")
    said = f"{message.status}: {message.subject}"
    seal = hmac.new(secrets["seal"].encode(), said.encode(), hashlib.sha256).hexdigest()
    try:
        with settings.path.open("a", encoding="utf-8") as board:
            board.write(f"{said} [{seal}]\n")
    except OSError as error:
        raise PersyncError(f"cannot write to the board: {error.strerror}.", where=str(settings.path)) from None


def trial(folder: Path, url: str) -> Mapping[str, Any]:
    """Return settings that pin to a folder."""
    return {"path": folder / "board.txt"}


PINBOARD = Notifier("pinboard", "A file on the wall, signed.", pin, PinboardSettings, {"seal": "PINBOARD_SEAL"}, trial)
