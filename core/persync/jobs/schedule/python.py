"""Airflow, Dagster and Prefect: a Python file for each that calls the command and understands its exit codes."""

from __future__ import annotations

import re

from persync.jobs.schedule.plan import File, Plan

_RETRY = """Exit code 5 (a quota is used up)
and others are tried again twice; 3 (partial) is no failure: the next run goes on."""


def airflow(plan: Plan) -> tuple[File, ...]:
    """Return DAGs, one for each time, for Airflow 2.4 and later. What was missed is made up for by one run, not one a day."""
    dags = [(plan.unit, plan.cron(plan.times[0]))]
    dags += [(f"{plan.unit}-{time.hour:02d}{time.minute:02d}", plan.cron(time)) for time in plan.times[1:]]
    text = f'''"""persync job {_doc(plan.job)}: {plan.when}.

Put this file into the dags folder. {_RETRY}
Secrets are read from persync.secrets.toml in the project, or from these variables in the worker's environment:
{", ".join(plan.variables) or "none"}.
"""

import os
from datetime import timedelta

import pendulum

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.bash import BashOperator

COMMAND = {_literal(plan.shell)}
{_ENVIRONMENT.format(variables=_tuple(plan.variables))}

SCHEDULES = {{
{"".join(f"    {_literal(name)}: {_literal(cron)}," + chr(10) for name, cron in dags)}}}


class Job(BashOperator):
    """The command in an environment of its own: what else the worker holds is none of its business."""

    def get_env(self, context):
        return environment()


for name, cron in SCHEDULES.items():
    with DAG(
        dag_id=name,
        schedule=cron,
        start_date=pendulum.datetime(2025, 1, 1, tz={_literal(plan.timezone)}),
        catchup=False,
        max_active_runs=1,
        tags=["persync"],
    ):
        Job(
            task_id="run",
            # Airflow takes it for a template: nothing in it is to be Jinja's.
            bash_command=COMMAND.replace("{{", "{{{{ '{{' }}}}") + " || [ $? -eq 3 ]",
            do_xcom_push=False,
            retries=2,
            retry_delay=timedelta(minutes=30),
            execution_timeout=timedelta(hours=6),
        )
'''
    return (File(f"{_module(plan)}.py", "the dags folder", text),)


def dagster(plan: Plan) -> tuple[File, ...]:
    """Return definitions of an op, a job and its schedule."""
    text = f'''"""persync job {_doc(plan.job)}: {plan.when}.

Load it with `dagster dev -f` or as a code location. {_RETRY}
Secrets are read from persync.secrets.toml in the project, or from these variables in the code location's environment:
{", ".join(plan.variables) or "none"}.
"""

import os
import subprocess

import dagster as dg

{_RUN_HEAD.format(command=_tuple(plan.command), variables=_tuple(plan.variables))}

@dg.op(retry_policy=dg.RetryPolicy(max_retries=2, delay=1800))
def run_persync() -> None:
    run()


@dg.job(name={_literal(_module(plan))}, tags={{"dagster/max_runtime": "21600"}})
def persync_job() -> None:
    run_persync()


defs = dg.Definitions(
    jobs=[persync_job],
    schedules=[
        dg.ScheduleDefinition(
            job=persync_job,
            cron_schedule=[{", ".join(_literal(plan.cron(time)) for time in plan.times)}],
            execution_timezone={_literal(plan.timezone)},
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    ],
)
'''
    return (File(f"{_module(plan)}.py", "a code location", text),)


def prefect(plan: Plan) -> tuple[File, ...]:
    """Return a flow that serves itself, for Prefect 3."""
    crons = [f"Cron({_literal(plan.cron(time))}, timezone={_literal(plan.timezone)})," for time in plan.times]
    schedules = "\n".join(f"            {cron}" for cron in crons)
    text = f'''"""persync job {_doc(plan.job)}: {plan.when}.

Keep this running: python {_module(plan)}.py. {_RETRY}
Secrets are read from persync.secrets.toml in the project, or from these variables in this process's environment:
{", ".join(plan.variables) or "none"}.
"""

import os
import subprocess

from prefect import flow
from prefect.schedules import Cron

{_RUN_HEAD.format(command=_tuple(plan.command), variables=_tuple(plan.variables))}

@flow(name={_literal(plan.unit)}, retries=2, retry_delay_seconds=1800, timeout_seconds=21600)
def run_persync() -> None:
    run()


if __name__ == "__main__":
    run_persync.serve(
        name={_literal(plan.unit)},
        schedules=[
{schedules}
        ],
        limit=1,
    )
'''
    return (File(f"{_module(plan)}.py", "where it is to run", text),)


_ENVIRONMENT = '''KEPT = ("PATH", "HOME", "LANG", "TZ", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "PERSYNC_BROWSER")
SECRETS = {variables}


def environment() -> dict[str, str]:
    """Return what the job may see of this process's environment."""
    return {{name: os.environ[name] for name in (*KEPT, *SECRETS) if name in os.environ}}
'''

_RUN_HEAD = f'''COMMAND = {{command}}
{_ENVIRONMENT}

def run() -> None:
    """Run the job in an environment of its own."""
    code = subprocess.run(COMMAND, env=environment(), timeout=21600, check=False).returncode
    if code not in (0, 3):
        raise RuntimeError(f"persync ended with exit code {{{{code}}}}")
'''


def _module(plan: Plan) -> str:
    return re.sub(r"\W", "_", plan.unit)


def _literal(text: str) -> str:
    """Return a text as Python writes it, in ASCII."""
    said = ascii(text)
    return said if '"' in said else f'"{said[1:-1]}"'


def _tuple(words: tuple[str, ...]) -> str:
    """Return a tuple of texts, one a line."""
    return f"(\n{''.join(f'    {_literal(word)},' + chr(10) for word in words)})" if words else "()"


def _doc(text: str) -> str:
    """Return a name as a docstring may hold it."""
    return re.sub(r"[^\w .,:-]", "?", text, flags=re.ASCII)
