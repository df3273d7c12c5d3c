"""Which emotion the judge sees.

Rows are the labelled emotions, columns what a recogniser reads from real clips (left) and from EAD-Net (middle); shades
are shares of a row, numbers are clips. Right: the share that agrees with the label, by level of emotion. One line of
panels for each recogniser.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from eadnet.tables import EMOTIONS
from metrics.spec import REGISTRY
from reports.load import EmptyInputs, Inputs
from reports.numbers import count
from reports.style import BLUES, INK, MUTED, PAPER, WIDTH, by_rank, metric_variant, run_colours, run_label

METRIC = "predicted_emotion"
RUNS = ("ground_truth", "full")


def build(predictions: pd.DataFrame) -> Figure:
    """A line of panels for each recogniser: one confusion matrix a run, then accuracy by level.

    Args:
        predictions: Columns metric (its variant names the recogniser), run, emotion (the label), level (1 to 3 or
            missing) and predicted (the recogniser's word), one row a clip and seed.
    """
    runs, metrics = list(dict.fromkeys(predictions.run)), list(dict.fromkeys(predictions.metric))
    graded = predictions[predictions.level.notna()]
    columns = [1.0] * len(runs) + [0.5] * (len(graded) > 0)
    size = (WIDTH, 0.42 * WIDTH * len(metrics) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(metrics), len(columns), squeeze=False, gridspec_kw={"width_ratios": columns})
    for line, metric in zip(grid, metrics, strict=True):
        rows = predictions[predictions.metric == metric]
        judge = f", {metric_variant(metric)}" if len(metrics) > 1 else ""
        for axes, run in zip(line, runs, strict=False):
            _draw_matrix(axes, rows[rows.run == run], f"{run_label(run)}{judge}")
        if len(graded):
            _draw_levels(line[-1], rows[rows.level.notna()])
    return figure


def draw(inputs: Inputs) -> Figure:
    """Join the recognisers' predictions with the labels and draw ground truth beside `full`."""
    scores = inputs.scores
    keys = [key for key, spec in REGISTRY.items() if spec.name == METRIC]
    chosen = scores[scores.metric.isin(keys) & scores.run.isin(RUNS) & scores.value.notna()]
    labels = inputs.clips.reindex(chosen.clip_id)
    rows = pd.DataFrame(
        {"metric": chosen.metric.to_numpy(), "run": chosen.run.to_numpy(), "emotion": labels.emotion.to_numpy(),
         "level": labels.level.to_numpy(dtype=float), "predicted": [EMOTIONS[int(value)] for value in chosen.value]}
    )  # fmt: skip
    rows = by_rank(rows[rows.emotion.isin(EMOTIONS)], metric=keys, run=RUNS)
    if rows.empty:
        raise EmptyInputs(f"scores hold no usable {METRIC} for labelled clips; this corpus has no emotion judge")
    return build(rows)


def by_level(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of predictions that agree with the label: a row a level, a column a run."""
    agree = rows.assign(agree=rows.emotion == rows.predicted)
    return agree.pivot_table(index="level", columns="run", values="agree", aggfunc="mean", sort=True)


def confusion(rows: pd.DataFrame) -> np.ndarray:
    """(8, 8) clip counts: label by row, prediction by column, in the order of ``EMOTIONS``."""
    from sklearn.metrics import confusion_matrix

    if rows.empty:  # of which scikit-learn knows no matrix
        return np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    return confusion_matrix(rows.emotion, rows.predicted, labels=EMOTIONS)


def _draw_matrix(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    counts = confusion(rows)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=BLUES, vmin=0, vmax=1, aspect="equal", interpolation="nearest")
    for (row, column), number in np.ndenumerate(counts):
        if number:
            colour = PAPER if shares[row, column] > 0.55 else INK
            axes.text(column, row, f"{number}", ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=40, ha="right")
    axes.set_yticks(range(len(EMOTIONS)), EMOTIONS)
    axes.tick_params(length=0)
    axes.set(xlabel="judged", ylabel="labelled")
    axes.set_title(f"{title}: {np.trace(counts)} of {counts.sum()} agree")


def _draw_levels(axes: Axes, rows: pd.DataFrame) -> None:
    shares, colours = by_level(rows), run_colours(rows.run)
    for run in shares.columns:
        axes.plot(shares.index, shares[run], "o-", color=colours[run], markersize=4.5, label=run_label(run))
    counts = rows[rows.run == rows.run.iloc[0]].groupby("level").size()
    axes.set_xticks(
        shares.index, [f"{level:.0f}\n{count(int(counts.get(level, 0)), 'clip')}" for level in shares.index]
    )
    axes.set(ylim=(0, 1.04), xlim=(shares.index.min() - 0.5, shares.index.max() + 0.5), title="By level")
    axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.axhline(1 / len(EMOTIONS), color=MUTED, linewidth=0.8, linestyle=":")
    axes.legend(loc="lower left", fontsize=7)
