"""The jobs of a configuration, as Snakemake plans them, and how long they take one after and beside the other."""

import heapq
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmarks.plan_machines import Machine
from benchmarks.plan_work import ROOT

PLENTY = "100000"
"""Cores, GPUs and GB of the dry run: what jobs ask for is then stated whole, and not cut to this machine."""
JOB = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?: {4}.*\n)+)", re.MULTILINE)
LINE = re.compile(r"^ {4}(\w+): (.*)$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Job:
    """One job of the plan.

    Attributes:
        rule: its rule.
        wildcards: by name.
        inputs, outputs: paths.
        cores, gpus, megabytes: what it asks for.
    """

    rule: str
    wildcards: dict[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    cores: int = 1
    gpus: int = 0
    megabytes: int = 0


@dataclass(frozen=True)
class Graph:
    """All jobs, and which of them each one waits for."""

    jobs: list[Job]

    @cached_property
    def needs(self) -> dict[Job, set[Job]]:
        """The jobs that make a job's inputs."""
        maker = {path: job for job in self.jobs for path in job.outputs}
        return {job: {maker[path] for path in job.inputs if path in maker} - {job} for job in self.jobs}


def planned_jobs(configfiles: Iterable[str], target: str) -> Graph:
    """Every job of a target, as if nothing had been made yet.

    Raises:
        ValueError: Snakemake refuses the configuration; the message is its last line.
    """
    command = [sys.executable, "-m", "snakemake", target, "--dry-run", "--forceall", "--cores", PLENTY]
    files = [str(Path(path).resolve()) for path in configfiles]
    command += ["--resources", f"gpu={PLENTY}", f"mem_mb={PLENTY}000", *(["--configfile", *files] if files else [])]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        lines = (run.stderr + run.stdout).strip().splitlines() or ["snakemake failed"]
        raise ValueError(next((line for line in lines if line.startswith("error")), lines[-1]))
    jobs = read_jobs(run.stdout + run.stderr)
    if not jobs:
        raise ValueError(f"snakemake --dry-run {target} names no job")
    return Graph(jobs)


def read_jobs(printed: str) -> list[Job]:
    """The jobs that a dry run printed; targets, which only name files, are left out."""
    jobs = []
    for rule, lines in JOB.findall(printed):
        said = dict(LINE.findall(lines))
        if "output" not in said:
            continue
        asked = dict(re.findall(r"\b(gpu|mem_mb)=(\d+)", said.get("resources", "")))
        wildcards = dict(pair.split("=", 1) for pair in said.get("wildcards", "").split(", ") if pair)
        paths = {name: tuple(said.get(name, "").split(", ")) for name in ("input", "output")}
        jobs.append(
            Job(
                rule, wildcards, paths["input"], paths["output"], int(said.get("threads", 1)),
                int(asked.get("gpu", 0)), int(asked.get("mem_mb", 0)),
            )
        )  # fmt: skip
    return jobs


def schedule(graph: Graph, machine: Machine, seconds: Callable[[Job], float]) -> dict[Job, tuple[float, float]]:
    """Start and end of every job in seconds: each begins when its inputs are there and a node has its cores and GPUs.

    Jobs that more work depends on come first. Memory and transfers are not modelled.

    Raises:
        ValueError: jobs wait for each other.
    """
    takes = {job: seconds(job) for job in graph.jobs}
    ahead, followers = _ahead(graph, takes)
    waits = {job: len(needs) for job, needs in graph.needs.items()}
    ready = [(-ahead[job], number, job) for number, job in enumerate(graph.jobs) if not waits[job]]
    heapq.heapify(ready)
    free = [[machine.cores, machine.gpus] for _ in range(machine.nodes)]
    running: list[tuple[float, int, Job, int]] = []
    spans, now, count = {}, 0.0, len(graph.jobs)
    while ready or running:
        left = []
        while ready:
            item = heapq.heappop(ready)
            cores, gpus = granted(item[2], machine)
            node = next((n for n, (c, g) in enumerate(free) if c >= cores and g >= gpus), None)
            if node is None:
                left.append(item)
                continue
            free[node][0] -= cores
            free[node][1] -= gpus
            count += 1
            spans[item[2]] = (now, now + takes[item[2]])
            heapq.heappush(running, (now + takes[item[2]], count, item[2], node))
        ready = left
        now, _, job, node = heapq.heappop(running)
        cores, gpus = granted(job, machine)
        free[node][0] += cores
        free[node][1] += gpus
        for follower in followers[job]:
            waits[follower] -= 1
            if not waits[follower]:
                count += 1
                ready.append((-ahead[follower], count, follower))
        heapq.heapify(ready)
    return spans


def granted(job: Job, machine: Machine) -> tuple[int, int]:
    """Cores and GPUs that a job gets: what it asks for, or all of a node that has fewer."""
    return min(max(job.cores, 1), machine.cores), min(job.gpus, machine.gpus)


def _ahead(graph: Graph, takes: dict[Job, float]) -> tuple[dict[Job, float], dict[Job, list[Job]]]:
    """For each job: the longest chain of seconds from its start to the end of all, and the jobs that wait for it."""
    followers: dict[Job, list[Job]] = defaultdict(list)
    for job, needs in graph.needs.items():
        for needed in needs:
            followers[needed].append(job)
    order, waits = [], {job: len(needs) for job, needs in graph.needs.items()}
    open_jobs = [job for job in graph.jobs if not waits[job]]
    while open_jobs:
        job = open_jobs.pop()
        order.append(job)
        for follower in followers[job]:
            waits[follower] -= 1
            if not waits[follower]:
                open_jobs.append(follower)
    if len(order) != len(graph.jobs):
        raise ValueError("jobs of the plan wait for each other")
    ahead: dict[Job, float] = {}
    for job in reversed(order):
        ahead[job] = takes[job] + max((ahead[follower] for follower in followers[job]), default=0.0)
    return ahead, followers
