"""What makes the operating system run a job: texts to install, nothing is installed here."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from persync.settings import JobTable, Project


def program() -> tuple[str, ...]:
    """Return the absolute command that runs this persync."""
    script = Path(sys.executable).with_name("persync")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "persync.cli")


def command(job: str, project: Project, program: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command line of a job, with absolute paths."""
    return (*program, "--project", str(project.folder.resolve()), "--no-input", "--quiet", "run", job)


def cron(job: str, table: JobTable, project: Project, program: tuple[str, ...]) -> str:
    """Return a crontab line with how to install it. A percent sign means a new line to cron, so it is escaped."""
    hour, minute = table.at.split(":")
    log = project.folder.resolve() / f"persync-{job}.log"
    line = f"{shlex.join(command(job, project, program))} >> {shlex.quote(str(log))} 2>&1".replace("%", "\\%")
    return (
        f"# persync job {job}: every day at {table.at}, local time.\n"
        "# Install: crontab -e, and add the line below. cron sees no environment of yours: keep secrets in\n"
        f"# {project.folder.resolve() / 'persync.secrets.toml'} (mode 0600).\n"
        f"{int(minute)} {int(hour)} * * * {line}\n"
    )


def systemd(job: str, table: JobTable, project: Project, program: tuple[str, ...]) -> str:
    """Return a user service and its timer, with how to install them."""
    unit = f"persync-{job}"
    words = " ".join(_quoted(word.replace("$", "$$")) for word in command(job, project, program))
    writable = dict.fromkeys([project.folder.resolve(), project.store_path.resolve().parent, *_outputs(table, project)])
    lines = [
        f"# persync job {job}: every day at {table.at}, local time; a missed one is made up for when the machine is on again.",
        "# Install:",
        f"#   1. save the first part as   ~/.config/systemd/user/{unit}.service",
        f"#   2. save the second part as  ~/.config/systemd/user/{unit}.timer",
        f"#   3. systemctl --user daemon-reload && systemctl --user enable --now {unit}.timer",
        "#   4. loginctl enable-linger    (so that it runs while you are logged out)",
        f"# Look: systemctl --user list-timers {unit}.timer; journalctl --user -u {unit}",
        f"# ---- {unit}.service",
        "[Unit]",
        f"Description=persync job {job}",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={_escaped(str(project.folder.resolve()))}",
        f"ExecStart={words}",
        "# 3 = partial: some rows were kept and a stream failed; the next run goes on.",
        "SuccessExitStatus=3",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        "ReadWritePaths=" + " ".join(_quoted(str(path)) for path in writable),
        "ProtectKernelTunables=yes",
        "ProtectControlGroups=yes",
        "RestrictSUIDSGID=yes",
        "RestrictRealtime=yes",
        "LockPersonality=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "Nice=10",
        "",
        f"# ---- {unit}.timer",
        "[Unit]",
        f"Description=persync job {job}, every day at {table.at}",
        "",
        "[Timer]",
        f"OnCalendar=*-*-* {table.at}:00",
        "Persistent=true",
        "RandomizedDelaySec=5min",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "\n".join(lines) + "\n"


def _outputs(table: JobTable, project: Project) -> list[Path]:
    return [Path(os.path.abspath(project.folder / report.out)).parent for report in table.report]


def _escaped(text: str) -> str:
    """Escape what systemd would expand in a setting: specifiers."""
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """Quote one word of a systemd command line."""
    text = _escaped(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if not text or any(c in text for c in " \t\"'\\;") else text
