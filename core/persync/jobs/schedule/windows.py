"""Windows: a task of the Task Scheduler. persync's locks are those of POSIX, so there it runs inside WSL."""

from __future__ import annotations

import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import PureWindowsPath

from persync.errors import ConfigError
from persync.jobs.schedule.plan import File, Plan

SPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_VARIABLE = re.compile(r"%[^%=/\\\s]+%")
"""in place of which the Task Scheduler puts the value of a variable; it knows no way to write the sign itself"""
BEGINS = "2025-01-01"
"""a trigger must say from which day on; any past day will do"""


def files(plan: Plan, *, now: int) -> tuple[File, ...]:
    """Return the task, to be registered with schtasks; `now` (epoch ms) says what the machine's clock shows at its times."""
    return (File(f"{plan.unit}.xml", "any folder", task(plan, now)),)


def task(plan: Plan, now: int) -> str:
    """Return the task's XML. A missed run is made up for, two never run at once, and it stops after six hours."""
    root = ET.Element("Task", {"version": "1.2", "xmlns": SPACE})
    about = ET.SubElement(root, "RegistrationInfo")
    ET.SubElement(about, "Description").text = f"persync job {plan.job}, {plan.when}. {plan.by_this_machine(now)}".rstrip()
    ET.SubElement(about, "URI").text = f"\\{plan.unit}"
    triggers = ET.SubElement(root, "Triggers")
    for time in plan.clock(now):
        trigger = ET.SubElement(triggers, "CalendarTrigger")
        ET.SubElement(trigger, "StartBoundary").text = f"{BEGINS}T{time}:00"
        ET.SubElement(trigger, "Enabled").text = "true"
        ET.SubElement(trigger, "RandomDelay").text = "PT5M"
        ET.SubElement(ET.SubElement(trigger, "ScheduleByDay"), "DaysInterval").text = "1"
    principal = ET.SubElement(ET.SubElement(root, "Principals"), "Principal", {"id": "Author"})
    ET.SubElement(principal, "LogonType").text = "InteractiveToken"
    ET.SubElement(principal, "RunLevel").text = "LeastPrivilege"
    settings = ET.SubElement(root, "Settings")
    for name, value in (
        ("MultipleInstancesPolicy", "IgnoreNew"),
        ("DisallowStartIfOnBatteries", "false"),
        ("StopIfGoingOnBatteries", "false"),
        ("StartWhenAvailable", "true"),
        ("RunOnlyIfNetworkAvailable", "true"),
        ("ExecutionTimeLimit", "PT6H"),
        ("Priority", "7"),
    ):
        ET.SubElement(settings, name).text = value
    action = ET.SubElement(ET.SubElement(root, "Actions", {"Context": "Author"}), "Exec")
    program, arguments = call(plan)
    for part in (*plan.command, os.environ.get("WSL_DISTRO_NAME", "")):
        if _VARIABLE.search(part):
            what = f"'{part}' holds what Windows takes for a variable in a task."
            raise ConfigError(what, hint="Rename the folder or the job, or have another program run the job.")
    ET.SubElement(action, "Command").text = program
    ET.SubElement(action, "Arguments").text = arguments
    ET.indent(root)
    notes = (
        f"<!-- Install: schtasks /Create /TN {plan.unit} /XML {plan.unit}.xml -->\n"
        f"<!-- Look: schtasks /Query /TN {plan.unit} /V /FO LIST. Remove: schtasks /Delete /TN {plan.unit} -->\n"
        "<!-- It runs while you are signed in, and makes up for what was missed. -->\n"
        "<!-- Secrets are read from persync.secrets.toml (mode 0600) inside WSL: none stands here. -->\n"
    )
    # Without an encoding in the first line: the program that reads it is told UTF-16 or UTF-8 by the file itself.
    return f'<?xml version="1.0"?>\n{notes}{ET.tostring(root, encoding="unicode")}\n'


def call(plan: Plan) -> tuple[str, str]:
    """Return program and arguments: through wsl.exe, unless the program's path is one of Windows itself."""
    if PureWindowsPath(plan.program[0]).drive:
        return plan.command[0], subprocess.list2cmdline(plan.command[1:])
    distribution = os.environ.get("WSL_DISTRO_NAME", "")
    chosen = ["--distribution", distribution] if distribution else []
    return r"%SystemRoot%\System32\wsl.exe", subprocess.list2cmdline([*chosen, "--exec", *plan.command])
