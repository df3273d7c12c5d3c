"""How alike training clips and their emotion are.

Cosine of each training clip's fused audio and text with its own emotion's word (blue) and with the nearest other
emotion's (grey): boxes span the middle half of the clips with the median in them, whiskers the middle nine tenths. The
line is the paper's threshold; what lies right of it would be kept, and the numbers say how many clips that is.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metrics.tables import ALL
from reports.load import EmptyInputs
from reports.style import BLUE, INK, MUTED, ORANGE, PAPER, RULE, WIDTH
from reports.tables.filter import PUBLISHED, counted, share

HEIGHT = 0.34
"""Inches of a row."""


def build(rows: pd.DataFrame) -> Figure:
    """A row an emotion, and one of all: two boxes, and what the paper's threshold keeps.

    Args:
        rows: Columns of ``eadnet.tables.TRAINING_FILTER``.

    Raises:
        EmptyInputs: no clip was measured.
    """
    kept = counted(rows)
    if kept.empty:
        raise EmptyInputs("no training clip has a label, or the backbone reads no text")
    kept = kept[(kept.threshold == PUBLISHED) & (kept.measured > 0)].reset_index(drop=True)
    measured = rows[rows.emotion.notna() & rows.cosine.notna()]
    figure = Figure(figsize=(WIDTH, 1.1 + HEIGHT * len(kept)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(PUBLISHED, color=ORANGE, linewidth=1.2, zorder=0)
    for row in kept.itertuples():
        clips = measured if row.emotion == ALL else measured[measured.emotion == row.emotion]
        _draw_box(axes, clips.cosine, row.Index - 0.14, 0.34, BLUE)
        _draw_box(axes, clips.rival, row.Index + 0.25, 0.14, "#9aa2ad")
        axes.annotate(
            f"{row.kept:,} of {row.measured:,} ({share(row)})", (1.01, row.Index), xycoords=("axes fraction", "data"),
            va="center", fontsize=8, color=INK if row.kept else MUTED,
        )  # fmt: skip
    axes.set_yticks(range(len(kept)), kept.emotion)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    low = min(measured.cosine.min(), measured.rival.min(), 0)
    axes.set(ylim=(len(kept) - 0.4, -0.6), xlim=(low - 0.03, 1.0), xlabel="cosine with the emotion's word")
    axes.axhline(len(kept) - 1.5, color=RULE, linewidth=0.8)
    axes.annotate(
        f"kept at ≥ {PUBLISHED:g}", (1.01, 1.0), xycoords="axes fraction", va="bottom", fontsize=8, color=MUTED
    )
    return figure


def _draw_box(axes: Axes, values: pd.Series, place: float, width: float, colour: str) -> None:
    line = {"color": colour, "linewidth": 1.1}
    axes.boxplot(
        values.to_numpy(), positions=[place], widths=width, whis=(5, 95), orientation="horizontal", showfliers=False,
        showcaps=False, patch_artist=True, manage_ticks=False, boxprops={"facecolor": colour, "edgecolor": colour},
        whiskerprops=line, medianprops={"color": PAPER, "linewidth": 1.4, "solid_capstyle": "butt"},
    )  # fmt: skip
