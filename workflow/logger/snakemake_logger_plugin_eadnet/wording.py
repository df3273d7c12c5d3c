"""Texts of the console: durations, plans, and the state of a run."""

import time

from snakemake_logger_plugin_eadnet.estimate import Left
from snakemake_logger_plugin_eadnet.jobs import Jobs

NAMED = 3  # running jobs that are named
KINDS = 5  # rules that the first line counts


def duration(seconds: float) -> str:
    """A duration in readable units: `8 s`, `3 min 20 s`, `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def left(estimate: Left | None) -> str:
    """Time left, rounded to minutes or five minutes; empty if it is unknown."""
    if estimate is None:
        return ""
    if estimate.seconds < 60:
        return "less than a minute left" if estimate.complete else ""
    step = 60 if estimate.seconds < 1200 else 300  # minutes, then five of them
    rounded = duration(round(estimate.seconds / step) * step)
    return f"about {rounded} left" if estimate.complete else f"more than {rounded} left"


def plan(jobs: Jobs) -> str:
    """The first line: number of jobs, in total and by rule."""
    counts = jobs.waiting.most_common()
    kinds = [f"{count} {rule}" for rule, count in counts[:KINDS]]
    if counts[KINDS:]:
        kinds.append(f"{sum(count for _, count in counts[KINDS:])} of other rules")
    cores = f" on {plural(jobs.cores, 'core')}" if jobs.cores else ""
    return f"{plural(jobs.total, 'job')}{cores}: {', '.join(kinds)}"


def running(jobs: Jobs) -> str:
    """Number of running jobs, and the names of those that have run longest."""
    names = [job.name for job in jobs.running.values()]
    more = ", ..." if len(names) > NAMED else ""
    return f"{len(names)} running" + (f": {', '.join(names[:NAMED])}{more}" if names else "")


def state(jobs: Jobs, estimate: Left | None) -> str:
    """The line that is printed every minute."""
    parts = [f"{jobs.done} of {plural(jobs.total, 'job')} done", running(jobs)]
    if jobs.failed:
        parts.insert(1, f"{len(jobs.failed)} failed")
    return f"[{time.strftime('%H:%M')}] " + "; ".join(filter(None, [*parts, left(estimate)]))


def ending(jobs: Jobs, interrupted: bool, seconds: float) -> str:
    """The last line: number of finished and failed jobs, and what the same command will do."""
    again = "the same command goes on from here"
    if interrupted:
        return f"stopped after {duration(seconds)}: {jobs.done} of {plural(jobs.total, 'job')} done; {again}"
    if jobs.failed or jobs.done < jobs.total:
        rest = jobs.total - jobs.done - len(jobs.failed)
        counts = f"{len(jobs.failed)} failed, {jobs.done} done, {rest} not started"
        return f"{plural(jobs.total, 'job')}: {counts}, in {duration(seconds)}; {again}"
    return f"done: {plural(jobs.done, 'job')} in {duration(seconds)}"


def plural(count: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
