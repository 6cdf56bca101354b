"""GitHub Actions: a workflow for a private repository that holds persync.toml."""

from __future__ import annotations

import json
import shlex
from datetime import UTC
from pathlib import Path

from persync import __version__
from persync.errors import ConfigError
from persync.jobs.schedule.plan import File, Plan


def files(plan: Plan, *, now: int) -> tuple[File, ...]:
    """Return the workflow; `now` (epoch ms) says which offset from UTC the report's time zone has."""
    return (File(f"{plan.unit}.yml", ".github/workflows", workflow(plan, now)),)


def workflow(plan: Plan, now: int) -> str:
    """Return the workflow: the right to read alone, one run at a time, secrets as environment, nothing in a public place."""
    times = zip(plan.times, plan.clock(now, UTC), strict=True)
    key = Path(kept(plan)[0]).with_suffix(".key").as_posix()
    call = shlex.join(plan.command[plan.command.index("run") :])
    env = [f"          {name}: ${{{{ secrets.{name} }}}}" for name in (*plan.variables, "PERSYNC_KEY")]
    lines = [
        f"# persync job {plan.job}: {plan.when}; times below are UTC as of today and move with summer time.",
        "# Put this file into .github/workflows of a PRIVATE repository that holds persync.toml, and under its settings the",
        f"# secrets named below. PERSYNC_KEY is what stands in {key}.",
        "# WARNING: never let a public repository cache or upload the store: anybody could download it. The first step stops",
        "# there. The store holds no addresses, but it holds your customers' orders.",
        "# GitHub skips schedules under load and after 60 quiet days, and does not make up for them: set up a ping.",
        f"name: {json.dumps(f'persync {plan.job}')}",
        "on:",
        "  schedule:",
        *(f'    - cron: "{plan.cron(utc)}"  # {time}' for time, utc in times),
        "  workflow_dispatch: {}",
        "permissions:",
        "  contents: read",
        "concurrency:",
        f"  group: {plan.unit}",
        "  cancel-in-progress: false",
        "jobs:",
        "  run:",
        "    runs-on: ubuntu-24.04",
        "    timeout-minutes: 350",
        "    steps:",
        "      - name: Refuse a public repository",
        "        env:",
        "          GH_TOKEN: ${{ github.token }}",
        '        run: test "$(gh api "repos/$GITHUB_REPOSITORY" --jq .private)" = true',
        "      - uses: actions/checkout@v4",
        "        with:",
        "          persist-credentials: false",
        "      - uses: actions/setup-python@v5",
        "        with:",
        '          python-version: "3.12"',
        f"      - run: python -m pip install --quiet persync=={__version__}",
        "      - uses: actions/cache/restore@v4",
        "        with:",
        "          path: |",
        *(f"            {path}" for path in kept(plan)),
        f"          key: {plan.unit}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}",
        f"          restore-keys: {plan.unit}-",
        "      - name: Run the job",
        "        env:",
        *env,
        "        run: |",
        "          umask 077",
        *([f"          mkdir -p {shlex.quote(Path(key).parent.as_posix())}"] if Path(key).parent != Path() else []),
        f'          echo "$PERSYNC_KEY" > {shlex.quote(key)}',
        "          unset PERSYNC_KEY",
        f'          code=0; persync --project "$GITHUB_WORKSPACE" --no-input --quiet {call} || code=$?',
        f"          rm -f {shlex.quote(key)}",
        "          # 3 = partial: some rows were kept and a stream failed; the next run goes on.",
        '          test "$code" -eq 0 || test "$code" -eq 3',
        "      - uses: actions/cache/save@v4",
        "        if: always()",
        "        with:",
        "          path: |",
        *(f"            {path}" for path in kept(plan)),
        f"          key: {plan.unit}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}",
    ]
    return "\n".join(lines) + "\n"


def kept(plan: Plan) -> tuple[str, str]:
    """Return what is kept from one run to the next, by its place in the repository: the store, and what jobs remember.

    Raises ConfigError for a store whose name GitHub would take for a pattern or an expression.
    """
    store = plan.store.relative_to(plan.folder) if plan.store.is_relative_to(plan.folder) else Path(plan.store.name)
    if any(sign in store.as_posix() for sign in "*?[]!{}\\#") or store.as_posix() != store.as_posix().strip():
        what = f"the store's path {store.as_posix()!r} has signs that GitHub takes for a pattern."
        raise ConfigError(what, hint="Set another path under [store].")
    return store.as_posix(), store.with_suffix(".*.job.json").as_posix()
