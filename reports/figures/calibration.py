"""How metrics respond to known damage.

A column a kind of damage, in five growing strengths; a row a family of metrics. Lines rise where a metric reads worse
and are scaled to the metric's own greatest response to any damage; above the grey band is worse (for a metric that
knows no worse: greater). Solid with a dot: seen at the greatest strength; dotted: not told from no damage; solid with a
cross: the damage reads as an improvement. What encoders do is left to the table: there are too many columns for a page.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metrics.calibration.damage import CONTENT, DAMAGES, PICTURE, STRENGTHS, TIME
from metrics.calibration.responses import MOVES, SEES, WRONG, curves, summarise
from metrics.spec import MetricSpec
from reports.load import EmptyInputs
from reports.style import BLUE, CYCLE, INK, MUTED, RULE, VERMILION, WIDTH, bare, family_label, metric_label
from reports.tables.calibration import amount, shown

LINES = 6
"""Metrics in one row; a larger family takes several rows."""
COLOURS = (BLUE, *(colour for colour in CYCLE if colour != VERMILION))
NAMES, ROW, HEAD, FOOT = 3.1, 0.15, 0.36, 0.5  # width of the names in panels; inches a metric, above and below
LOWEST, HIGHEST = -0.45, 1.12


def build(calibration: pd.DataFrame) -> Figure:
    """Small multiples of response curves.

    Args:
        calibration: Columns of ``metrics.calibration.responses.CALIBRATION``.

    Raises:
        EmptyInputs: no response was measured.
    """
    drawn = [name for name, damage in DAMAGES.items() if damage.group in (TIME, PICTURE, CONTENT)]
    calibration = calibration[calibration.damage.isin(drawn)]
    frame = summarise(calibration)
    blocks = _blocks(shown(frame[frame.change.notna()]))
    if not blocks:
        raise EmptyInputs("the calibration holds no response of a known metric; run `python -m metrics calibrate`")
    names = [name for name in DAMAGES if name in set(frame.damage)]
    heights = [max(0.5, ROW * (len(block) + 1.2)) for block in blocks]
    total = sum(heights) + HEAD + FOOT
    figure = Figure(figsize=(WIDTH, total))
    grid = figure.subplots(
        len(blocks), len(names) + 1, squeeze=False,
        gridspec_kw={"width_ratios": [NAMES, *[1] * len(names)], "height_ratios": heights, "left": 0.005,
                     "right": 0.995, "top": 1 - HEAD / total, "bottom": FOOT / total, "wspace": 0.12, "hspace": 0.14},
    )  # fmt: skip
    heights_of, verdicts = _scaled(curves(calibration)), frame.set_index(["metric", "damage"]).verdict
    for line, block in zip(grid, blocks, strict=True):
        _draw_names(line[0], block)
        for axes, name in zip(line[1:], names, strict=True):
            _draw_panel(axes, block, name, heights_of, verdicts)
    for axes, name in zip(grid[0, 1:], names, strict=True):
        axes.set_title(DAMAGES[name].title.replace(" ", "\n"), fontsize=6.0, loc="center", linespacing=1.0, pad=4)
    for axes, name in zip(grid[-1, 1:], names, strict=True):
        axes.set_xlabel(_extent(name), fontsize=5.8, labelpad=3, linespacing=1.1)
    return figure


def _blocks(specs: list[MetricSpec]) -> list[list[MetricSpec]]:
    """Families one after the other, each cut into rows of at most `LINES` metrics."""
    families: dict[str, list[MetricSpec]] = {}
    for spec in specs:
        families.setdefault(spec.family, []).append(spec)
    return [
        list(part)
        for members in families.values()
        for part in np.array_split(np.array(members, object), -(-len(members) // LINES))
    ]


def _scaled(responses: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    """Change by strength over the metric's greatest change under any damage, by metric and damage."""
    largest = responses.groupby("metric").change.apply(lambda values: values.abs().max())
    scaled = responses.assign(change=responses.change / responses.metric.map(largest.where(largest > 0, 1.0)))
    return {key: rows.set_index("strength").change for key, rows in scaled.groupby(["metric", "damage"])}


def _draw_names(axes: Axes, block: list[MetricSpec]) -> None:
    """The family, and its metrics in the colours of their lines."""
    bare(axes).set(xlim=(0, 1), ylim=(len(block) + 0.7, -0.5))
    family = family_label(block[0].family)
    axes.text(0, 0, family, fontsize=7.5, fontweight="bold", va="center", color=INK)
    for place, spec in enumerate(block):
        axes.text(0.04, place + 1, metric_label(spec.key), fontsize=6.6, va="center", color=COLOURS[place])


def _draw_panel(
    axes: Axes, block: list[MetricSpec], damage: str, heights: dict[tuple[str, str], pd.Series], verdicts: pd.Series
) -> None:
    axes.axhspan(-0.05, 0.05, color=RULE, alpha=0.55, linewidth=0)
    for place, spec in enumerate(block):
        curve = heights.get((spec.key, damage), pd.Series(dtype=float)).dropna()
        if curve.empty:
            continue
        verdict, y = verdicts.get((spec.key, damage), ""), curve.clip(LOWEST, HIGHEST)
        known = verdict in (SEES, MOVES, WRONG)
        style = {
            "color": COLOURS[place],
            "linewidth": 1.3 if known else 0.9,
            "linestyle": "-" if known else (0, (1, 1.4)),
        }
        axes.plot(y.index, y, **style, solid_capstyle="round")
        if known:
            marker = {"marker": "o", "markersize": 2.6} if verdict != WRONG else {"marker": "X", "markersize": 4}
            axes.plot(y.index[-1], y.iloc[-1], color=COLOURS[place], markeredgewidth=0, clip_on=False, **marker)
    axes.set(xlim=(0, STRENGTHS + 0.3), ylim=(LOWEST, HIGHEST + 0.05), yticks=[], xticks=range(STRENGTHS + 1))
    axes.tick_params(axis="x", length=1.5, labelbottom=False, color=MUTED)
    axes.spines["left"].set_visible(False)


def _extent(name: str) -> str:
    """Least and greatest amount, below a column."""
    damage = DAMAGES[name]
    least = amount(damage, damage.amounts[0]).removesuffix(f" {damage.unit}")
    greatest = amount(damage, damage.amounts[-1]).removesuffix(f" {damage.unit}")
    unit = "" if damage.unit == "crf" else f"\n{damage.unit}"
    return f"{least.removesuffix(' %')}–{greatest.removeprefix('±').removeprefix('crf ')}{unit}"
