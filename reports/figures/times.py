"""Where the time went.

Seconds of work by rule, summed over its jobs (jobs run side by side, so the sum exceeds the wall time), with
the number of jobs and the largest memory of one job.
"""

import pandas as pd
from matplotlib.figure import Figure

from reports.load import Inputs
from reports.numbers import count, duration
from reports.style import BLUE, MUTED, WIDTH


def build(jobs: pd.DataFrame) -> Figure:
    """Horizontal bars, longest on top.

    Args:
        jobs: Columns rule, seconds and memory (MB), one row a job.
    """
    rules = by_rule(jobs)
    figure = Figure(figsize=(WIDTH, 0.27 * len(rules) + 0.7), layout="constrained")
    axes = figure.subplots()
    axes.barh(rules.index, rules.seconds, color=BLUE, height=0.62)
    for place, row in enumerate(rules.itertuples()):
        memory = f" · {row.memory / 1024:.1f} GB" if row.memory == row.memory else ""
        axes.text(row.seconds, place, f"  {duration(row.seconds)} · {count(row.jobs, 'job')}{memory}",
                  va="center", fontsize=7.5, color=MUTED)  # fmt: skip
    axes.invert_yaxis()
    axes.set_xlim(0, rules.seconds.max() * 1.28)
    axes.set_xlabel("seconds of work, all jobs of the rule")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title(f"{duration(rules.seconds.sum())} of work in {count(int(rules.jobs.sum()), 'job')}")
    return figure


def draw(inputs: Inputs) -> Figure:
    """Fetch the benchmark files and draw them."""
    return build(inputs.benchmarks)


def by_rule(jobs: pd.DataFrame) -> pd.DataFrame:
    """Rules by falling total: seconds (sum), jobs (count), memory (largest, MB)."""
    grouped = jobs.groupby("rule").agg(seconds=("seconds", "sum"), jobs=("seconds", "size"), memory=("memory", "max"))
    return grouped.sort_values("seconds", ascending=False, kind="stable")
