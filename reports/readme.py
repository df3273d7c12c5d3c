"""The results in README.md: a short table of every run, between two markers, so that no number there is typed.

    python -m reports readme --summary results/summary.parquet --readme README.md

Reads the summary; replaces what stands between ``<!-- results:begin -->`` and ``<!-- results:end -->``.
"""

from pathlib import Path

import pandas as pd

from eadnet.provenance import atomic_path
from metrics.spec import REGISTRY
from metrics.tables import ALL, SLICES
from reports.load import ReportError
from reports.numbers import count, decimals
from reports.style import headline_heading, order_runs, overall, run_label
from reports.tables.ablation import differences, finding, hypotheses
from reports.tables.levels import level_cell, partial_rows, speakers_sentence

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
SHOWN = (
    "psnr@region",
    "mouth_correlation@mediapipe",
    "blink_correlation@mediapipe",
    "lse_c@corpus-v1",
    "acc_emo@corpus-v1",
    "flicker_ratio@region",
)


def update(summary: pd.DataFrame, readme: Path) -> None:
    """Write the table of `summary` between the markers of `readme`.

    Raises:
        ReportError: a marker is missing.
    """
    text = readme.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ReportError(f"{readme}: the markers {BEGIN} and {END} are missing; put them where the table belongs")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    with atomic_path(readme) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n{block(summary)}\n{END}{after}", encoding="utf-8")


def block(summary: pd.DataFrame) -> str:
    """Picture, sentence and table as Markdown."""
    rows = overall(summary)
    rows = rows[rows.metric.isin(SHOWN)]
    clips = count(int(rows.n.max()), "held-out clip")
    unseen = summary[(summary.slice == SLICES[2]) & (summary.corpus == ALL) & (summary.metric == SHOWN[0])]
    strangers = int(unseen.n.max()) if len(unseen) else 0
    frame = differences(summary)
    found = f" {finding(frame)}" if len(hypotheses(frame)) else ""
    return (
        "![The truth, EAD-Net and each ablation, the same frames](docs/strip.png)\n\n"
        f"Mean [95 % interval] over {clips} ({strangers} of people never seen in training) of the drawn corpora; "
        f"the reference shows the person's neutral face, the text is label and level. "
        f"{speakers_sentence(rows)}{found}\n\n{_table(rows)}\n\n"
        "Made by `make reproduce`, then `make readme`. LSE-C and emotion come from judges trained on this corpus's "
        "real clips (`@corpus-v1`); they compare rows of this table and nothing else."
    )


def _table(rows: pd.DataFrame) -> str:
    shown = [key for key in SHOWN if key in set(rows.metric)]
    head = ["Run", *(headline_heading(REGISTRY[key], rows) for key in shown)]
    lines = [" | ".join(head), " | ".join(["---"] + ["---:"] * len(shown))]
    for run in order_runs(rows.run):
        cells = [_cell(rows[(rows.run == run) & (rows.metric == key)], rows[rows.metric == key]) for key in shown]
        lines.append(" | ".join([run_label(run), *cells]))
    return "\n".join(f"| {line} |" for line in lines)


def _cell(own: pd.DataFrame, column: pd.DataFrame) -> str:
    if own.empty or pd.isna(own["mean"].iloc[0]):
        return "–"
    row = next(own.itertuples())
    cell = level_cell(row, REGISTRY[row.metric], decimals(column["mean"]), row.run in partial_rows(column))
    return f"{cell.text} {cell.detail}".strip()
