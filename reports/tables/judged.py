"""The scores of the ground truth by the judges, in a sentence for every table that shows their numbers.

An accuracy is a property of its judge: above what the judge makes of real clips, methods cannot be compared.
"""

from collections.abc import Iterator

import pandas as pd

from metrics.spec import REGISTRY
from reports.numbers import count, listing, number, percent
from reports.style import headline_place, metric_variant, overall


def judges_on_truth(summary: pd.DataFrame) -> list[str]:
    """Sentences with the accuracy of every emotion recogniser and the LSE-C of every sync judge on real clips.

    Args:
        summary: Columns of ``metrics.tables.SUMMARY``; none of `ground_truth` gives no sentence.
    """
    rows, sentences = overall(summary), []
    real = rows[(rows.run == "ground_truth") & (rows.n > 0)]
    seen = [f"{percent(row.mean)} of {count(row.n, 'clip')}{_where(row, real)}" for row in _of(real, "acc_emo")]
    if seen:
        sentences.append(
            f"Of the ground truth the emotion judge recognises {listing(seen)}: above that, methods cannot be compared."
        )
    sync = [f"{number(row.mean)}{_where(row, real)}" for row in _of(real, "lse_c")]
    if sync:
        sentences.append(f"The sync judge gives real clips an LSE-C of {listing(sync)}.")
    return sentences


def _of(rows: pd.DataFrame, name: str) -> Iterator:
    """Rows of every variant of a metric, in the order of the registry."""
    keys = [key for key, spec in REGISTRY.items() if spec.name == name]
    return (row for key in keys for row in rows[rows.metric == key].itertuples())


def _where(row: object, rows: pd.DataFrame) -> str:
    """Which clips a headline is of, where it is not all, and the judge."""
    return f"{headline_place(row.metric, rows)} ({metric_variant(row.metric)})"
