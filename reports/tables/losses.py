"""Where training started and ended: each loss over the first and last twentieth of its steps. Reads the loss tables."""

import pandas as pd

from reports.numbers import decimals, number
from reports.style import by_rank, order_runs, run_label
from reports.tables.layout import Cell, Panel, Table

CAPTION = "Mean over the first and over the last twentieth of the logged steps; the curves are in the figure."


def build(losses: pd.DataFrame) -> Table:
    """Lay out first and last values.

    Args:
        losses: Columns stage, seed (-1 for shared networks), step, loss, value.
    """
    frame = ends(losses)
    header = ("Stage", "seed", "loss", "steps", "first", "last")
    return Table(
        "losses", "Losses", CAPTION, (Panel("", header, tuple(_row(row) for row in frame.itertuples())),), frame
    )


def ends(losses: pd.DataFrame) -> pd.DataFrame:
    """One row per stage, seed and loss: steps, first, last."""
    rows = []
    for (stage, seed, loss), curve in losses.groupby(["stage", "seed", "loss"], sort=True):
        values = curve.sort_values("step").value
        few = max(1, len(values) // 20)
        steps = int(curve.step.max()) + (curve.step.min() == 0)
        rows.append((stage, seed, loss, steps, values.head(few).mean(), values.tail(few).mean()))
    frame = pd.DataFrame(rows, columns=["stage", "seed", "loss", "steps", "first", "last"])
    shared = losses.stage[losses.seed < 0]
    ordered = by_rank(frame, stage=[*sorted(set(shared)), *order_runs(losses.stage)])
    return ordered.reset_index(drop=True)


def _row(row: object) -> tuple[Cell, ...]:
    places = decimals([row.first, row.last])
    seed = "shared" if row.seed < 0 else str(row.seed)
    stage = row.stage.replace("_", " ") if row.seed < 0 else run_label(row.stage)
    numbers = (f"{row.steps:,}", number(row.first, places), number(row.last, places))
    return tuple(Cell(text) for text in (stage, seed, row.loss, *numbers))
