"""Which emotion the judge sees.

Rows are the labelled emotions, columns what the judge reads from real clips (left) and from EAD-Net (right).
Shades are shares of a row, numbers are clips.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eadnet.config import EMOTIONS
from reports.load import Inputs, Nothing
from reports.style import BLUE, INK, PAPER, WIDTH, run_label

METRIC = "predicted_emotion"


def build(predictions: pd.DataFrame) -> Figure:
    """One confusion matrix a run, side by side.

    Args:
        predictions: Columns run, emotion (the label) and predicted (the judge's word), one row a clip and seed.
    """
    runs = list(dict.fromkeys(predictions.run))
    figure = Figure(figsize=(WIDTH, 0.62 * WIDTH if len(runs) < 2 else 0.5 * WIDTH), layout="constrained")
    for axes, run in zip(figure.subplots(1, len(runs), squeeze=False).flat, runs, strict=True):
        _draw_matrix(axes, predictions[predictions.run == run], run_label(run))
    return figure


def draw(inputs: Inputs) -> Figure:
    """Join the judge's predictions with the labels and draw ground truth beside `full`."""
    scores = inputs.scores
    chosen = scores[scores.metric.str.startswith(METRIC) & scores.run.isin(("ground_truth", "full"))]
    chosen = chosen[(chosen.status == "ok") & chosen.value.notna()]
    labels = inputs.clips.emotion.reindex(chosen.clip_id).to_numpy()
    words = [EMOTIONS[int(value)] for value in chosen.value]
    rows = pd.DataFrame({"run": chosen.run.to_numpy(), "emotion": labels, "predicted": words})
    rows = rows[rows.emotion.isin(EMOTIONS)].sort_values("run", key=lambda run: run.eq("full"), kind="stable")
    if rows.empty:
        raise Nothing(f"scores hold no usable {METRIC} for labelled clips; this corpus has no emotion judge")
    return build(rows)


def confusion(rows: pd.DataFrame) -> np.ndarray:
    """(8, 8) clip counts: label by row, prediction by column, in the order of ``EMOTIONS``."""
    table = pd.crosstab(rows.emotion, rows.predicted)
    return table.reindex(index=EMOTIONS, columns=EMOTIONS, fill_value=0).to_numpy()


def _draw_matrix(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    counts = confusion(rows)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=_blues(), vmin=0, vmax=1, aspect="equal", interpolation="nearest")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = PAPER if shares[row, column] > 0.55 else INK
            axes.text(column, row, f"{count}", ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=40, ha="right")
    axes.set_yticks(range(len(EMOTIONS)), EMOTIONS)
    axes.tick_params(length=0)
    axes.set(xlabel="judged", ylabel="labelled")
    axes.set_title(f"{title}: {np.trace(counts)} of {counts.sum()} agree")


def _blues():  # noqa: ANN202 - a colormap
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("paper-to-blue", ["#f3f5f8", BLUE])
