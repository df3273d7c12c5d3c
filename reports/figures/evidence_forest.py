"""Every difference, beside the smallest one of interest.

A row a question and primary measure: the paired difference of run and rival with its interval over people and seeds, in
units of the smallest difference of interest and turned so that right is better (the scale is linear within the dotted
lines, at one such difference, and logarithmic beyond). Filled blue: shown; filled red: refuted; hollow: not
shown. Pale triangles: people seen in training (up) and unseen ones (down), who decide nothing on their own.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metrics.spec import REGISTRY
from metrics.summary.evidence import NOT_SHOWN, REFUTED, SHOWN
from metrics.tables import ALL, PEOPLE
from reports.load import EmptyInputs
from reports.style import BLUE, INK, MUTED, PAPER, VERMILION, WIDTH, metric_label, run_label

ROW, HEAD = 0.21, 1.25  # inches
GAP = 1.15  # rows between questions, for the heading
COLOURS = {SHOWN: BLUE, REFUTED: VERMILION, NOT_SHOWN: MUTED}
MARKS = dict(zip(PEOPLE, ("^", "v"), strict=True))


def build(answers: pd.DataFrame) -> Figure:
    """One panel with all questions.

    Args:
        answers: columns of ``metrics.tables.EVIDENCE``.

    Raises:
        EmptyInputs: no question has an answer.
    """
    known = answers[answers.smallest.notna() & answers.difference_low.notna()]
    rows = known[(known.slice == ALL) & known.verdict.isin(COLOURS)]
    if rows.empty:
        raise EmptyInputs("no question has an answer")
    places, headings = _places(rows)
    height = max(places.values()) + 1
    figure = Figure(figsize=(WIDTH, ROW * height + HEAD), layout="constrained")
    axes = figure.subplots()
    for row in rows.itertuples():
        _draw_row(axes, row, places[row.question, row.metric])
    for row in known[known.slice.isin(PEOPLE)].itertuples():
        if (row.question, row.metric) in places:
            axes.plot(_scaled(row)[0], places[row.question, row.metric], MARKS[row.slice], color=INK, alpha=0.3,
                      markersize=4, markeredgewidth=0)  # fmt: skip
    _finish(axes, places, headings, height)
    return figure


def _places(rows: pd.DataFrame) -> tuple[dict[tuple[str, str], float], dict[float, str]]:
    """Heights of the rows and of the questions' headings, from the top down."""
    places: dict[tuple[str, str], float] = {}
    headings, top = {}, -1.0
    for question, own in rows.groupby("question", sort=False):
        first = own.iloc[0]
        headings[top + 1] = f"{first.module}: {run_label(first.run)} against {run_label(first.rival)}"
        for metric in own.metric:
            top += 1 + (metric == own.metric.iloc[0])
            places[question, metric] = top
        top += GAP - 1
    return places, headings


def _scaled(row: object) -> tuple[float, float, float]:
    """Difference and bounds in units of the smallest difference of interest, the better side positive."""
    higher = REGISTRY[row.metric].higher_is_better
    sign = 1 if higher else -1
    values = [sign * value / row.smallest for value in (row.difference, row.difference_low, row.difference_high)]
    return values[0], min(values[1:]), max(values[1:])


def _draw_row(axes: Axes, row: object, place: float) -> None:
    middle, low, high = _scaled(row)
    colour = COLOURS[row.verdict]
    axes.plot([low, high], [place, place], color=colour, linewidth=1.5, solid_capstyle="round")
    face = PAPER if row.verdict == NOT_SHOWN else colour
    axes.plot(middle, place, "o", color=colour, markerfacecolor=face, markersize=5, zorder=3)


def _finish(axes: Axes, places: dict, headings: dict[float, str], height: float) -> None:
    axes.set_xscale("symlog", linthresh=1.0, linscale=1.0)
    low, high = axes.get_xlim()
    reach = max(2.0, abs(low), abs(high))
    axes.set(xlim=(-reach, reach), ylim=(height - 0.3, -0.6))
    axes.axvline(0, color=MUTED, linewidth=0.9, zorder=1)
    for side in (-1, 1):
        axes.axvline(side, color=MUTED, linewidth=0.8, linestyle=(0, (1, 1.6)), zorder=1)
    ticks = [tick for tick in (-1000, -100, -10, -1, 0, 1, 10, 100, 1000) if abs(tick) <= reach]
    axes.set_xticks(ticks, [f"{tick:+d}".replace("-", "−") if tick else "0" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("worse  ←  difference, in smallest differences of interest  →  better")
    labels = [metric_label(metric) for _, metric in places]
    axes.set_yticks(list(places.values()), labels, color=INK, fontsize=7.5)
    for top, words in headings.items():
        axes.text(0.005, top, words, transform=axes.get_yaxis_transform(), fontsize=7.5, fontweight="bold",
                  va="center", parse_math=False, backgroundcolor=PAPER)  # fmt: skip
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    dot = {"marker": "o", "linestyle": "", "markersize": 5}
    handles = [Line2D([], [], color=COLOURS[verdict], label=verdict, **dot) for verdict in (SHOWN, REFUTED)]
    handles.append(Line2D([], [], color=MUTED, markerfacecolor=PAPER, label=NOT_SHOWN, **dot))
    handles += [
        Line2D([], [], color=INK, alpha=0.3, marker=mark, linestyle="", markersize=4, label=part.replace("_", " "))
        for part, mark in MARKS.items()
    ]
    axes.figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), fontsize=7.5)
