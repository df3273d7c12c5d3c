"""Cells with a run's level by a metric, and the sentence on the speakers behind intervals and p-values."""

import pandas as pd

from metrics.functional.statistics import least_p
from metrics.spec import MetricSpec, families_of
from metrics.tables import ALL, SLICES
from reports.numbers import count, interval, number
from reports.style import SLICE_LABELS
from reports.tables.layout import Cell

RESOLVED = 0.001
"""The smallest p that tables print."""
PARTIAL = "†"
PARTIAL_NOTE = (
    "† Not every clip of its column yielded a score (the coverage is the share that did), so it is a mean, or a set, "
    "of other clips, and never bold."
)


def level_cell(row: object, spec: MetricSpec, places: int, partial: bool = False, strong: bool = False) -> Cell:
    """A mean with its interval; for a metric with a target the mean distance to it stands beside.

    Args:
        row: of a summary, from ``itertuples``; ``mean`` may be named so or be the first of renamed columns.
        spec: of the metric.
        places: decimals.
        partial: whether it is over fewer clips than others of its column.
        strong: whether it stands out.
    """
    text = number(row.mean, places) + (PARTIAL if partial else "")
    if not spec.by_distance or pd.isna(row.distance):
        return Cell(text, interval(row.ci_low, row.ci_high, places), strong)
    bounds = interval(row.distance_low, row.distance_high, places)
    return Cell(text, f"off by {number(row.distance, places)} {bounds}".strip(), strong)


def partial_rows(rows: pd.DataFrame) -> set[str]:
    """Runs of one metric and slice that lack clips which others of the column have."""
    fewer = (rows.coverage < 1) | (rows.clips < rows.clips.max())
    return set(rows.run[fewer])


def speakers_sentence(rows: pd.DataFrame) -> str:
    """How many speakers there are, by slice, and the smallest p that so many allow; "" where none is known.

    Those of validation clips, on which networks are scored without videos, are not counted.

    Args:
        rows: of a summary, columns of ``metrics.tables.SUMMARY``.
    """
    known = rows[(rows.clusters > 0) & ~rows.family.isin(families_of("networks"))]
    counts = {part: int(own.clusters.max()) for part in SLICES if len(own := known[known.slice == part])}
    if not counts:
        return ""
    parts = [_speakers(part, speakers) for part, speakers in counts.items()]
    return f"Speakers, not clips, are the units of intervals and tests ({'; '.join(parts)})."


def speakers_alone(speakers: int) -> str:
    """How small a p so many speakers allow."""
    smallest = least_p(speakers)
    limit = "p may fall below 0.001" if smallest < RESOLVED else f"no p below {smallest:.3f}"
    return f"{count(speakers, 'speaker')}: {limit}"


def _speakers(part: str, speakers: int) -> str:
    said = speakers_alone(speakers)
    return said if part == ALL else f"{SLICE_LABELS[part].lower()}, {said}"
