"""State of a run's jobs: how many wait, run, are done and have failed."""

import logging
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Job:
    """One started job; `started` is in seconds of the clock of `time.time`."""

    rule: str
    name: str
    threads: int
    started: float
    outputs: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    benchmark: str | None = None

    @classmethod
    def of(cls, record: logging.LogRecord) -> "Job":
        """From Snakemake's `job_info` or `job_error` record."""
        wildcards = getattr(record, "wildcards", None) or {}
        threads = getattr(record, "threads", 1)
        return cls(
            rule=record.rule_name,
            name=" ".join([record.rule_name, *map(str, wildcards.values())]),
            threads=threads if isinstance(threads, int) else 1,
            started=record.created,
            outputs=tuple(map(str, record.output)),
            logs=tuple(map(str, record.log)),
            benchmark=str(record.benchmark) if getattr(record, "benchmark", None) else None,
        )


@dataclass
class Jobs:
    """Counts and names, kept up to date by the console."""

    total: int = 0
    done: int = 0
    cores: int | None = None
    last_rule: str | None = None  # the target, for which all other jobs are made
    waiting: Counter[str] = field(default_factory=Counter)
    running: dict[int, Job] = field(default_factory=dict)
    failed: dict[int, Job] = field(default_factory=dict)
    started_at: float = field(default_factory=time.time)

    def plan(self, stats: dict[str, int]) -> None:
        """Take Snakemake's counts by rule, in the order of the work, with `total`."""
        self.waiting = Counter({rule: count for rule, count in stats.items() if rule != "total"})
        self.total = stats.get("total", self.waiting.total())
        self.last_rule = next(reversed(self.waiting), None)

    def start(self, number: int, job: Job) -> None:
        """Record that a job starts, for the first time or again."""
        self.failed.pop(number, None)
        self.running[number] = job
        if self.waiting[job.rule] > 0:
            self.waiting[job.rule] -= 1

    def finish(self, number: int) -> Job | None:
        """Record that a job is done, and return it; None if its start was not recorded."""
        self.done += 1
        return self.running.pop(number, None)

    def fail(self, number: int, job: Job) -> Job:
        """Record that a job has failed; returns the started job, which has its start time, or else `job`."""
        self.failed[number] = self.running.pop(number, job)
        return self.failed[number]

    def restart(self, number: int) -> Job | None:
        """Record that a failed job waits for another attempt, and return it; None if it is unknown."""
        job = self.failed.pop(number, None)
        if job is not None:
            self.waiting[job.rule] += 1
        return job
