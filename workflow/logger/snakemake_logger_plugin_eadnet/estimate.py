"""Estimate of the time that a run will still take; none if too little is known.

The model: a job takes the average time of its rule's jobs in this run; without these in earlier runs (Snakemake's
benchmark files, `<benchmarks>/<rule>/*.tsv`); and in a first run of the default in the run whose results README shows,
scaled to the speed of this run. The remaining work, in seconds times cores, is spread over all cores, and no run ends
before its longest running job. Dependencies between jobs are ignored, so the true time is usually longer. If no job of
some rules has ever ended, the sum is a lower bound and is marked as such. If there are many of these, as early in a
first run, the bound is useless and nothing is shown.
"""

import csv
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from snakemake_logger_plugin_eadnet.jobs import Job, Jobs

MAX_UNKNOWN = 0.25  # largest share of remaining jobs with unknown times for which a lower bound is shown


@dataclass(frozen=True)
class Took:
    """Cost of one job: wall time in seconds, and the number of busy cores (at least one)."""

    seconds: float
    cores: float


@dataclass(frozen=True)
class Left:
    """Seconds left; `complete` if the times of all remaining jobs are known, else the seconds are a lower bound."""

    seconds: float
    complete: bool


class Times:
    """Costs of jobs by rule, in this run and in earlier ones."""

    def __init__(self, usual: Mapping[str, Took] | None = None) -> None:
        """Start with the usual costs of rules, measured on another machine."""
        self.usual = usual or {}
        self.now: dict[str, list[Took]] = defaultdict(list)
        self.before: dict[str, list[Took]] = {}
        self.is_read = False

    def read_once(self, benchmark: str | None) -> None:
        """Read the times of earlier runs, from the folder of the benchmark file of the first job."""
        if benchmark and not self.is_read:
            self.is_read = True
            self.before = read_benchmarks(Path(benchmark).parents[1])

    def add(self, job: Job, ended: float) -> None:
        """Add a finished job of this run; `ended` is in seconds of `time.time`."""
        self.now[job.rule].append(Took(max(ended - job.started, 0.0), job.threads))

    def of(self, rule: str) -> Took | None:
        """The average job of a rule: of this run, else of earlier ones, else the usual one; None if unknown."""
        known = self.now.get(rule) or self.before.get(rule)
        if known:
            return average(known)
        usual = self.usual.get(rule)
        return Took(usual.seconds * self.pace(), usual.cores) if usual else None

    def pace(self) -> float:
        """Time of the finished jobs of this run divided by their usual time; 1 before the first."""
        done = [
            (took.seconds, self.usual[rule].seconds) for rule in self.now.keys() & self.usual for took in self.now[rule]
        ]
        usual = sum(seconds for _, seconds in done)
        return sum(seconds for seconds, _ in done) / usual if usual else 1.0


def average(known: Sequence[Took]) -> Took:
    """Means of seconds and of cores over some jobs."""
    return Took(fmean(took.seconds for took in known), fmean(took.cores for took in known))


def read_benchmarks(folder: Path) -> dict[str, list[Took]]:
    """Times by rule from Snakemake's benchmark files; an unreadable (half written) file is skipped."""
    found: dict[str, list[Took]] = defaultdict(list)
    for path in sorted(folder.glob("*/*.tsv")):
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
            seconds = fmean(float(row["s"]) for row in rows)
            load = fmean(_number(row.get("mean_load")) for row in rows)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found[path.parent.name].append(Took(seconds, max(load / 100, 1.0)))
    return dict(found)


def time_left(jobs: Jobs, times: Times, now: float | None = None) -> Left | None:
    """The estimate at time `now` (seconds of `time.time`); None without cores, or if too little is known.

    A target that only names others (the last rule, without benchmark file) takes no time.
    """
    if not jobs.cores or jobs.waiting.total() + len(jobs.running) == 0:
        return None
    now = time.time() if now is None else now
    work, longest, known, unknown = 0.0, 0.0, 0, 0
    for rule, count in jobs.waiting.items():
        took = times.of(rule)
        if took is not None:
            work += count * took.seconds * min(took.cores, jobs.cores)
            known += count
        elif rule != jobs.last_rule:
            unknown += count
    for job in jobs.running.values():
        took = times.of(job.rule)
        if took is None:
            unknown += job.benchmark is not None
            continue
        remaining = max(took.seconds - (now - job.started), 0.0)
        work, longest, known = work + remaining * job.threads, max(longest, remaining), known + 1
    if not known or unknown > MAX_UNKNOWN * (known + unknown):
        return None
    return Left(max(work / jobs.cores, longest), complete=unknown == 0)


def _number(text: str | None) -> float:
    """A number of a benchmark file; 0 for "NA" and "-", which short jobs have as their load."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
