"""One controller for a results folder on a cluster, and no jobs of a killed one beside its own.

A controller is the Snakemake that a user starts. Where it is killed (``kill -9``, a restart of the login node), its
jobs stay in SLURM's queue, and Snakemake's lock stays in ``.snakemake``, which does not say whose it is. The same
command must simply go on. So a controller owns its results folder (`eadnet.jobs.ownership`); then it knows that the
lock of an earlier one means nothing; and before it plans, it deals with the jobs that carry the folder's name: those
that wait in the queue have done nothing and are cancelled, those that run come to their end, so that what they make is
not made twice. Jobs also own the folders that they write, should this be switched off (``compute.left_jobs: ignore``).
"""

import atexit
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eadnet.jobs.ownership import OwnershipError, owned

LeftJobs = Literal["wait", "cancel", "ignore"]
PART = "controller"
"""Part of the results folder's lock that controllers use."""
PATIENCE = 60.0
"""Seconds within which a command of SLURM must answer; they wait for minutes where its controller restarts."""
ATTEMPTS = 5
"""How often SLURM is asked before an error."""
FIRST_LOOK, LONGEST_LOOK = 2.0, 30.0
"""Seconds between two looks at the queue, at first and at last."""


class ControllerError(RuntimeError):
    """This Snakemake must not run here and now; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class LeftJob:
    """A job of an earlier controller: its id, what it makes, and whether it has not begun."""

    id: str
    work: str
    is_pending: bool

    def __str__(self) -> str:
        return f"{self.id} ({self.work})"


def guard(workflow: Any, results: str, left_jobs: LeftJobs) -> None:
    """Let Snakemake call `take_over` once it knows its executor and before it looks which files are there.

    Only a method of the workflow runs at that moment, so that method is wrapped; the Snakefile itself is read before,
    and `onstart` runs after the plan was made. Jobs, dry runs and local runs go on unchanged.

    Args:
        workflow: Snakemake's workflow.
        results: the results folder.
        left_jobs: what happens to running jobs of an earlier controller.
    """
    build = workflow._build_dag

    def build_alone() -> None:
        if submits(workflow):
            try:
                take_over(workflow, Path(results), left_jobs)
            except (OwnershipError, ControllerError) as error:
                sys.exit(f"error: {error}")
        build()

    workflow._build_dag = build_alone


def submits(workflow: Any) -> bool:
    """Whether this Snakemake is a controller that submits jobs to SLURM."""
    plugin = workflow.executor_plugin
    return workflow.is_main_process and plugin is not None and plugin.name == "slurm"


def take_over(workflow: Any, results: Path, left_jobs: LeftJobs) -> None:
    """Own the results folder until the end of this process, and deal with what an earlier controller left.

    Raises:
        OwnershipError: a living controller has the folder.
        ControllerError: SLURM does not answer.
    """
    ownership = ExitStack()
    ownership.enter_context(owned(results, part=PART, wait=0))
    atexit.register(ownership.close)
    settings = workflow.executor_settings
    settings.jobname_prefix = name_of(results, settings.jobname_prefix)
    remove_dead_locks(Path(workflow.persistence.path), results)
    if left_jobs != "ignore":
        settle(settings.jobname_prefix, left_jobs)


def name_of(results: Path, prefix: str | None = None) -> str:
    """Beginning of the names of all jobs for a results folder: readable, and different for every folder.

    Args:
        results: the folder.
        prefix: a name by the user, taken in place of the folder's.
    """
    digest = hashlib.sha256(os.path.realpath(results).encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9-]', '-', prefix or results.name)[:40]}-{digest}"


def remove_dead_locks(state: Path, results: Path) -> None:
    """Remove Snakemake's locks on files of a results folder; only for its owner, who knows that they mean nothing.

    Args:
        state: Snakemake's folder.
        results: the results folder, as rules name it.
    """
    for lock in state.glob("locks/*.lock"):
        if any(line.startswith(f"{results}{os.sep}") for line in lock.read_text(encoding="utf-8").splitlines()):
            lock.unlink(missing_ok=True)


def settle(name: str, left_jobs: LeftJobs) -> None:
    """Return once no job of an earlier controller is left: pending ones are cancelled, for others see `left_jobs`.

    Args:
        name: beginning of the jobs' names.
        left_jobs: `wait` or `cancel`.

    Raises:
        ControllerError: SLURM does not answer.
    """
    seen: set[LeftJob] = set()
    pause = FIRST_LOOK
    while jobs := find_left(name):
        new = [job for job in jobs if job not in seen]
        useless = [job for job in new if job.is_pending or left_jobs == "cancel"]
        running = [job for job in new if job not in useless]
        if useless:
            _say(f"cancelled, left by an earlier run that was killed: {_list(useless)}")
            # a job that began since it was listed is left to the next look
            ask(
                "scancel",
                "--quiet",
                *([] if left_jobs == "cancel" else ["--state=PENDING"]),
                *(job.id for job in useless),
            )
        if running:
            _say(
                f"waiting for jobs that an earlier run left when it was killed; what they make is kept: "
                f"{_list(running)}. To lose what they made since their last checkpoint instead: "
                f"scancel {' '.join(job.id for job in running)}"
            )
        seen.update(jobs)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_LOOK)


def find_left(name: str) -> list[LeftJob]:
    """This user's jobs with a name, that wait, run or end.

    Raises:
        ControllerError: SLURM does not answer.
    """
    lines = ask("squeue", "--me", "--array", "--noheader", "--format=%i|%T|%j|%k").splitlines()
    rows = [line.split("|", 3) for line in lines]
    return [LeftJob(id, work, state == "PENDING") for id, state, own, work in rows if own.startswith(f"{name}_")]


def ask(*command: str) -> str:
    """Standard output of a command of SLURM.

    Raises:
        ControllerError: it failed or did not answer, `ATTEMPTS` times.
    """
    for attempt in range(ATTEMPTS):
        time.sleep(min(2**attempt - 1, LONGEST_LOOK))
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        except FileNotFoundError:
            raise ControllerError(f"no {command[0]} on this machine; start Snakemake on a login node") from None
        except subprocess.TimeoutExpired:
            fault = f"no answer in {PATIENCE:g} s"
            continue
        if done.returncode == 0:
            return done.stdout
        fault = done.stderr.strip().replace("\n", " / ")
    raise ControllerError(f"{command[0]}: {fault}; start again once SLURM answers: squeue --me")


def _list(jobs: Iterable[LeftJob]) -> str:
    return ", ".join(map(str, jobs))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
