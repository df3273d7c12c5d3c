"""A run's scores at a glance: one aligned line a metric, with n, coverage, and why there are fewer."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from metrics.spec import REGISTRY, direction
from metrics.tables import NOT_APPLICABLE

HEADER = ("metric", "better", "n", "coverage", "mean", "std", "without a value")


def summary_table(rows: Iterable[dict]) -> str:
    """Rows of SCORES of one run as text; categories (an emotion's index) are left out.

    Below stand the notes of metrics of sets, with their warnings of too few clips.
    """
    rows = list(rows)
    lines = [HEADER]
    for key, spec in REGISTRY.items():
        mine = [row for row in rows if row["metric"] == key]
        if mine and not spec.is_category:
            lines.append((key, direction(spec) or "-", *_numbers(mine)))
    notes = sorted({f"{row['metric']}: {row['notes']}" for row in rows if row["level"] == "set" and row["notes"]})
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join(["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines] + notes)


def _numbers(rows: list[dict]) -> tuple[str, ...]:
    values = np.array([row["value"] for row in rows if _is_known(row["value"])])
    wanted = [row for row in rows if row["status"] not in NOT_APPLICABLE]
    reasons = Counter(row["status"] for row in rows if not _is_known(row["value"]))
    lost = ", ".join(f"{count} {status}" for status, count in reasons.items())
    coverage = f"{len(values) / len(wanted):.0%}" if wanted else "-"
    n = len(values)
    if wanted and REGISTRY[rows[0]["metric"]].level == "set":
        n, coverage = max(row["n"] for row in wanted), f"{max(row['share'] or 0 for row in wanted):.0%}"
    mean = f"{values.mean():.4g}" if len(values) else "-"
    spread = f"{values.std(ddof=1):.3g}" if len(values) > 1 else "-"
    return str(n), coverage, mean, spread, lost


def _is_known(value: float | None) -> bool:
    """Whether there is a finite value: one that is not must not make the mean of the others so."""
    return value is not None and bool(np.isfinite(value))
