"""Which of our runs and methods stands for which row of the paper's tables, by what a run is and not by its name."""

from dataclasses import dataclass

import pandas as pd

from eadnet.config.experiment import Experiment, run_for
from reports.numbers import NONE
from reports.published.paper_tables import printed_rows
from reports.style import is_baseline, order_runs, run_label

METHODS = {
    "Wav2Lip": "wav2lip", "IP-LAP": "ip_lap", "MuseTalk": "musetalk", "Hallo2": "hallo2", "EAMM": "eamm", "EAT": "eat",
}  # fmt: skip
"""Name in `methods` of the paper's rivals that have published code."""


@dataclass(frozen=True)
class Line:
    """A row: the cells that name it, our run or method (None: there is none), and what the paper prints of it."""

    names: tuple[str, ...]
    run: str | None
    published: dict[str, str]


def lines_of(which: str, corpus: str, scores: pd.DataFrame, experiment: Experiment) -> tuple[list[Line], list[Line]]:
    """The paper's rows in its order, and ours that it does not have.

    Args:
        which: ``1`` to ``4``, or ``generalisation``, which has no row of the paper's.
        corpus: of the table.
        scores: columns of ``metrics.tables.SCORES``; a run without a score on the corpus stands for no row.
        experiment: what the runs are.
    """
    scored = set(scores.run[scores.corpus == corpus])
    lines = [] if which == "generalisation" else [_line(which, corpus, row, values, scored, experiment)
                                                  for row, values in printed_rows(int(which)).items()]  # fmt: skip
    taken = {line.run for line in lines}
    others = [run for run in order_runs(scored) if run not in taken and _shown(which, corpus, run, experiment)]
    return lines, [Line((run_label(run),), run, {}) for run in others]


def _shown(which: str, corpus: str, run: str, experiment: Experiment) -> bool:
    """Whether a run stands below the paper's rows: baselines and methods beside methods, our other runs anywhere."""
    if is_baseline(run) or run in experiment.methods:
        return which not in ("3", "4")
    return run not in experiment.runs or which == "generalisation" or corpus in experiment.runs[run].corpora


def _line(
    which: str,
    corpus: str,
    row: str | tuple[bool, ...],
    printed: dict[str, str],
    scored: set[str],
    experiment: Experiment,
) -> Line:
    if isinstance(row, str):
        text = corpus == "mead"
        switches = {"EAD-Net": (True, True, text), "LatentSync": (False, False, False)}
        run = run_for(switches[row], corpus, experiment) if row in switches else METHODS.get(row)
        return Line((row,), run if run in scored else None, printed)
    run = run_for((*row, False)[:3], corpus, experiment)
    return Line(tuple("+" if on else NONE for on in row), run if run in scored else None, printed)
