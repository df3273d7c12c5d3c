"""The four numbers that answer the first question: do the lips, the emotion and the picture come out right?"""

from dataclasses import dataclass

import pandas as pd

from reports.numbers import decimals, interval, number
from reports.style import headline_place, metric_label, overall, run_label

PAIRS = (
    ("mouth_correlation@mediapipe", "Does the mouth follow the words?", "shuffled_audio"),
    ("acc_emo@corpus-v1", "Is the wanted emotion seen?", "ground_truth"),
    ("psnr@region", "How near is the picture?", "still"),
    ("lse_c@corpus-v1", "Do the lips fit the sound?", "shuffled_audio"),
)


@dataclass(frozen=True)
class Headline:
    """One number of full EAD-Net with its interval, and the same number of the baseline to hold it against."""

    question: str
    metric: str
    value: str
    bounds: str
    against: str
    against_bounds: str


def headlines(summary: pd.DataFrame) -> list[Headline]:
    """Those of the four that the summary holds."""
    rows = overall(summary).dropna(subset="mean")
    means = {(row.run, row.metric): row for row in rows.itertuples()}
    shown = [pair for pair in PAIRS if ("full", pair[0]) in means]
    return [_headline(means, headline_place(pair[0], rows), *pair) for pair in shown]


def _headline(means: dict, of: str, metric: str, question: str, baseline: str) -> Headline:
    full, other = means["full", metric], means.get((baseline, metric))
    label, places = metric_label(metric) + of, min(2, decimals([full.mean]))
    value = number(full.mean, places) + (" dB" if metric.startswith("psnr") else "")
    bounds = interval(full.ci_low, full.ci_high, places)
    if other is None:
        return Headline(question, label, value, bounds, "", "")
    against = f"{run_label(baseline)}: {number(other.mean, places)}"
    against_bounds = interval(other.ci_low, other.ci_high, places)
    return Headline(question, label, value, bounds, against, against_bounds)
