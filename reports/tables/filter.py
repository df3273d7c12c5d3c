"""What EAD-Net's filter of the training clips would keep: by emotion, how many clips each threshold leaves.

Reads the table of ``eadnet filter-clips``; the share that `training.filter.at_least` adds is not in these numbers.
"""

import pandas as pd

from metrics.tables import ALL
from reports.numbers import NONE, count, number, percent
from reports.style import by_emotion
from reports.tables.layout import Cell, Panel, Table

THRESHOLDS = tuple(tenth / 10 for tenth in range(10))
PUBLISHED = 0.8
"""The paper's threshold."""
COLUMNS = ("emotion", "clips", "measured", "cosine", "margin", "threshold", "kept")
MEANING = (
    "Training clips whose fused audio and text have at least this cosine with their emotion's word (EAD-Net's filter; "
    f"the paper keeps those at {PUBLISHED} and above). Margin: the cosine less that with the nearest other emotion."
)


def build(rows: pd.DataFrame) -> Table:
    """Count what each threshold keeps.

    Args:
        rows: Columns of ``eadnet.tables.TRAINING_FILTER``.
    """
    frame = counted(rows)
    header = ("Emotion", "clips", "cosine", "margin", *(f"≥ {threshold:g}" for threshold in THRESHOLDS))
    body = tuple(_row(part) for _, part in frame.groupby("emotion", sort=False))
    panels = (Panel("", header, body),) if body else ()
    return Table("filter", "Filter of the training clips", caption(rows), panels, frame)


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per emotion and threshold, columns ``COLUMNS``; emotion ``all`` last, nothing where nothing was measured.

    `clips` and `measured` count labelled clips, `cosine` and `margin` are means over the measured ones, `kept` counts
    those with at least the cosine `threshold`.
    """
    labelled = rows[rows.emotion.notna()]
    if labelled.cosine.notna().sum() == 0:
        return pd.DataFrame(columns=list(COLUMNS)).astype(
            {"emotion": object, "clips": int, "measured": int, "kept": int} | dict.fromkeys(COLUMNS[3:6], float)
        )
    groups = [(emotion, labelled[labelled.emotion == emotion]) for emotion in by_emotion(labelled.emotion)]
    counts = []
    for emotion, clips in [*groups, (ALL, labelled)]:
        margin = (clips.cosine - clips.rival).mean()
        known = (emotion, len(clips), int(clips.cosine.notna().sum()), clips.cosine.mean(), margin)
        counts += [(*known, threshold, int((clips.cosine >= threshold).sum())) for threshold in THRESHOLDS]
    return pd.DataFrame(counts, columns=list(COLUMNS))


def caption(rows: pd.DataFrame) -> str:
    """What the numbers mean, and which clips are not among them."""
    unlabelled, labelled = int(rows.emotion.isna().sum()), int(rows.emotion.notna().sum())
    lost = labelled - int((rows.emotion.notna() & rows.cosine.notna()).sum())
    sentences = [MEANING]
    if unlabelled:
        sentences.append(f"{count(unlabelled, 'clip')} without label would be kept in any case.")
    if lost == labelled:
        sentences.append("No clip was measured: no clip has a label, or the backbone reads no text.")
    elif lost:
        sentences.append(f"{count(lost, 'labelled clip')} could not be measured.")
    return " ".join(sentences)


def _row(part: pd.DataFrame) -> tuple[Cell, ...]:
    """One emotion: counts, means, and for each threshold the clips that it keeps with their share."""
    first = part.iloc[0]
    kept = [Cell(f"{row.kept:,}", f"({share(row)})") for row in part.itertuples()]
    return Cell(first.emotion), Cell(f"{first.clips:,}"), Cell(number(first.cosine)), Cell(number(first.margin)), *kept


def share(row: object) -> str:
    """The share of the measured clips that a row keeps, in percent."""
    return percent(row.kept / row.measured) if row.measured else NONE
