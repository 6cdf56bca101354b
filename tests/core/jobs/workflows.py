"""Running the step of a workflow as a runner of GitHub does."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def run_step(workflow: str, folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run the step that runs the job, in a checkout `folder`, with a script in persync's place and a key of 0a1b."""
    read: Any = YAML(typ="safe").load(workflow)
    (step,) = [one["run"] for one in read["jobs"]["run"]["steps"] if one.get("name") == "Run the job"]
    tools = folder.parent / "tools"
    tools.mkdir()
    (tools / "persync").write_text(f"#!/bin/sh\n{script}\n")
    (tools / "persync").chmod(0o755)
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "PERSYNC_KEY": "0a1b", "GITHUB_WORKSPACE": str(folder)}
    return subprocess.run(["bash", "-e", "-c", step], cwd=folder, env=environment, capture_output=True, text=True, check=False)
