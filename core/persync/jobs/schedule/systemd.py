"""systemd: a hardened user service and its timer."""

from __future__ import annotations

import shlex
from pathlib import Path

from persync.jobs.schedule.plan import File, Plan, mark

PLACE = "~/.config/systemd/user"
LINGER = "loginctl enable-linger"
"""what lets a user's units run without the user"""


def files(plan: Plan) -> tuple[File, ...]:
    """Return the service and the timer."""
    texts = (service(plan), timer(plan))
    return tuple(File(name, PLACE, text) for name, text in zip(names(plan.unit), texts, strict=True))


def names(unit: str) -> tuple[str, ...]:
    """Return what the files of a unit are called."""
    return f"{unit}.service", f"{unit}.timer"


def service(plan: Plan) -> str:
    """Return the service: it sees no more of the system than it needs, and writes to the project alone."""
    missing = [shlex.quote(str(path)) for path in plan.writable if not path.is_dir()]
    words = " ".join(_quoted(word.replace("$", "$$")) for word in plan.command)
    lines = [
        f"# persync job {plan.job}: {plan.when}; a missed run is made up for when the machine is on again.",
        f"# {mark(plan)}",
        f"# Install: {plan.install('systemd')}, or save both files in {PLACE}, then",
        f"#   systemctl --user daemon-reload && systemctl --user enable --now {plan.unit}.timer",
        f"#   {LINGER}    (so that it runs while you are logged out)",
        f"# Look: systemctl --user list-timers {plan.unit}.timer; journalctl --user -u {plan.unit}",
        *(f"# Make it first, for a place that is not there cannot be opened to the job: mkdir -p {path}" for path in missing),
        "[Unit]",
        f"Description=persync job {_escaped(plan.job)}",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={_escaped(str(plan.folder))}",
        f"ExecStart={words}",
        "Environment=PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in plan.environment.items()),
        "# 3 = partial: some rows were kept and a stream failed; the next run goes on.",
        "SuccessExitStatus=3",
        *_credentials(plan),
        "UMask=0077",
        "NoNewPrivileges=yes",
        *_private_tmp(plan),
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        "ReadWritePaths=" + " ".join(_quoted(str(path)) for path in plan.writable),
        "ProtectKernelTunables=yes",
        "ProtectControlGroups=yes",
        "RestrictSUIDSGID=yes",
        "RestrictRealtime=yes",
        "LockPersonality=yes",
        "RestrictNamespaces=yes",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service @pkey",
        "SystemCallErrorNumber=EPERM",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "Nice=10",
        "TimeoutStartSec=6h",
    ]
    return "\n".join(lines) + "\n"


def _private_tmp(plan: Plan) -> list[str]:
    """Hide the machine's temporary files from the job, unless it stands among them itself."""
    places = [plan.folder, *plan.writable, *(Path(word) for word in plan.command if word.startswith("/"))]
    among = sorted({str(place) for place in places if place.is_relative_to("/tmp") or place.is_relative_to("/var/tmp")})  # noqa: S108
    if among:
        return [f"# No PrivateTmp=yes: it would hide {among[0]} from the job."]
    return ["PrivateTmp=yes"]


def timer(plan: Plan) -> str:
    """Return the timer."""
    lines = [
        "[Unit]",
        f"Description=persync job {_escaped(plan.job)}, {plan.when}",
        "",
        "[Timer]",
        *(f"OnCalendar=*-*-* {time}:00 {plan.timezone}" for time in plan.times),
        "Persistent=true",
        "RandomizedDelaySec=5min",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "\n".join(lines) + "\n"


def _credentials(plan: Plan) -> list[str]:
    if not plan.variables:
        return []
    return [
        "# Secrets are read from persync.secrets.toml in the project (mode 0600). To let systemd keep them, encrypt each with",
        "#   systemd-creds --user encrypt --name=NAME - ~/.config/credstore.encrypted/NAME",
        "# and take the sign off its line (systemd 256 or newer; for an older one keep the file):",
        *(f"#LoadCredentialEncrypted={name}" for name in plan.variables),
    ]


def _escaped(text: str) -> str:
    """Escape what systemd would expand in a setting: specifiers."""
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """Quote one word of a systemd command line."""
    text = _escaped(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if not text or any(c in text for c in " \t\"'\\;") else text
