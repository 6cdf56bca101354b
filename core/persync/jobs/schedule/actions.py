"""GitHub Actions: a workflow for a private repository that holds persync.toml."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Final

from persync import __version__
from persync.errors import ConfigError
from persync.jobs.schedule.plan import File, Plan

PINNED: Final = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/cache": ("27d5ce7f107fe9357f9df03efb73ab90386fccae", "v5.0.5"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
}
"""{repository: (commit, the release's tag that points to it)}: a tag can be moved to other code, a commit cannot"""
MINUTES: Final = 350
"""for the whole; GitHub ends a job after 360"""
SPARE: Final = 10
"""minutes of these for the steps around the run: what GitHub ends as a job counts as cancelled, and nothing of it is kept"""
KEPT_DAYS: Final = 30
"""how long GitHub keeps what the job wrote"""


def files(plan: Plan) -> tuple[File, ...]:
    """Return the workflow. GitHub takes a time zone, so its times stay right when summer time changes."""
    return (File(f"{plan.unit}.yml", ".github/workflows", workflow(plan)),)


def workflow(plan: Plan) -> str:
    """Return the workflow: the right to read alone, one run at a time, secrets as environment, nothing in a public place."""
    key = Path(kept(plan)[0]).with_suffix(".key").as_posix()
    call = shlex.join(plan.command[plan.command.index("run") :])
    env = [f"          {name}: ${{{{ secrets.{name} }}}}" for name in (*plan.variables, "PERSYNC_KEY")]
    lines = [
        f"# persync job {plan.job}: {plan.when}.",
        "# Put this file into .github/workflows of a PRIVATE repository that holds persync.toml, and under its settings the",
        f"# secrets named below. PERSYNC_KEY is what stands in {key}.",
        "# WARNING: never let a public repository cache or upload the store: anybody could download it. The first step stops",
        "# there. The store holds no addresses, but it holds your customers' orders.",
        "# GitHub skips schedules under load and does not make up for them: set up a ping. A cache that nobody asked for in",
        "# 7 days is gone: the next run then reads everything anew.",
        "# Every action is pinned to a commit, with its release beside it: Dependabot and Renovate keep both up to date.",
        f"name: {json.dumps(f'persync {plan.job}')}",
        "on:",
        "  schedule:",
        *(
            line
            for time in plan.times
            for line in (f'    - cron: "{plan.cron(time)}"', f"      timezone: {json.dumps(plan.timezone)}")
        ),
        "  workflow_dispatch: {}",
        "permissions:",
        "  contents: read",
        "concurrency:",
        f"  group: {plan.unit}",
        "  cancel-in-progress: false",
        "jobs:",
        "  run:",
        "    runs-on: ubuntu-24.04",
        f"    timeout-minutes: {MINUTES}",
        "    steps:",
        "      - name: Refuse a public repository",
        "        env:",
        "          GH_TOKEN: ${{ github.token }}",
        '        run: test "$(gh api "repos/$GITHUB_REPOSITORY" --jq .private)" = true',
        f"      - uses: {pinned('actions/checkout')}",
        "        with:",
        "          persist-credentials: false",
        f"      - uses: {pinned('actions/setup-python')}",
        "        with:",
        '          python-version: "3.12"',
        "      # Plugins that the job uses belong into this line, each with its version.",
        f"      - run: python -m pip install --quiet persync=={__version__}",
        f"      - uses: {pinned('actions/cache', 'restore')}",
        "        with:",
        "          path: |",
        *(f"            {path}" for path in kept(plan)),
        f"          key: {plan.unit}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}",
        f"          restore-keys: {plan.unit}-",
        "      - name: Run the job",
        "        id: job",
        f"        timeout-minutes: {MINUTES - SPARE}",
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
        "      # Whatever came of the job, but not where it was never begun (in a public repository, say), nor where it was",
        "      # cancelled: the run may still be at work on the store. The next one goes on from what was kept before.",
        f"      - uses: {pinned('actions/cache', 'save')}",
        "        if: ${{ !cancelled() && steps.job.outcome != 'skipped' }}",
        "        with:",
        "          path: |",
        *(f"            {path}" for path in kept(plan)),
        f"          key: {plan.unit}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}",
        *_written(plan),
    ]
    return "\n".join(lines) + "\n"


def pinned(repository: str, part: str = "") -> str:
    """Return what stands behind `uses:`: an action by its commit, its release as a comment."""
    commit, tag = PINNED[repository]
    return f"{repository}{'/' if part else ''}{part}@{commit} # {tag}"


def kept(plan: Plan) -> tuple[str, ...]:
    """Return what is kept from one run to the next, by its place in the repository: the store, with the log of what it has
    not taken over yet (a run that was killed leaves one, and the store is whole with it alone), and what jobs remember.

    Raises ConfigError for a store that lies elsewhere, or whose name GitHub would take for a pattern or an expression.
    """
    if not plan.store.is_relative_to(plan.folder):
        what = f"the store {plan.store} lies outside the project, where a workflow has no place for it."
        raise ConfigError(what, hint="Set a path inside the project under [store].")
    store = plan.store.relative_to(plan.folder)
    name = _plain(store, "the store's path", "Set another path under [store].")
    return name, f"{name}-wal", store.with_suffix(".*.job.json").as_posix()


def _written(plan: Plan) -> list[str]:
    """Return the step that keeps what the job wrote: the machine that it ran on is gone afterwards."""
    hint = f"Change 'out' in [jobs.{plan.job}]."
    inside = [path.relative_to(plan.folder) for path in plan.outs if path.is_relative_to(plan.folder)]
    outside = [path for path in plan.outs if not path.is_relative_to(plan.folder)]
    lines = [f"      # Not kept, for it lies outside the repository: {path}" for path in outside]
    if inside:
        lines += [
            f"      - uses: {pinned('actions/upload-artifact')}",
            "        if: always() && steps.job.outcome != 'skipped'",
            "        with:",
            f"          name: {plan.unit}-${{{{ github.run_attempt }}}}",
            "          path: |",
            *(f"            {_plain(path, 'the output', hint)}" for path in inside),
            "          if-no-files-found: ignore",
            f"          retention-days: {KEPT_DAYS}",
        ]
    return lines


def _plain(path: Path, what: str, hint: str) -> str:
    """Return a path that GitHub takes as it stands."""
    text = path.as_posix()
    if any(sign in text for sign in "*?[]!{}\\#") or text != text.strip():
        raise ConfigError(f"{what} {text!r} has signs that GitHub takes for a pattern.", hint=hint)
    return text
