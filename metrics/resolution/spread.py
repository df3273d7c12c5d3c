"""How far the values of a table move over draws that all its rows share, and how far their differences do.

Pure functions over `metrics.resolution.values.Row`; reads and writes nothing.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from metrics.resolution.draws import widening
from metrics.resolution.table import FOUND, SHOWN, unpaired
from metrics.resolution.values import Row

Rows = Mapping[int, Row]
"""The rows of one run, by training seed."""

ONE_SEED = "spread between training seeds not measured (one seed)"
ONE_PERSON = "one person: the spread between people is not in it"


def spread(run: Rows, base: Rows | None, counts: np.ndarray, pool: np.ndarray, speakers: Sequence[str]) -> dict:
    """Numbers of `metrics.resolution.table.RESOLUTION` of one run, and of its difference to the base row.

    Over several training seeds, variances are averaged: a table shows one of them.

    Args:
        run: its rows.
        base: those of the base row; None where there is none.
        counts: (B, clips) draws, shared by all rows.
        pool: (clips,) bool, those that can be drawn.
        speakers: of the clips of the pool.
    """
    affordable = int(min(len(counts), *(row.most_draws for row in (*run.values(), *(base or {}).values()))))
    counts, wider = counts[:affordable], widening(speakers)
    values = [float(row.over(pool[None].astype(np.int64), row.has_C)[0]) for row in run.values()]
    drawn = [row.over(counts, row.has_C) for row in run.values()]
    sd = wider * deviation(drawn)
    notes = [
        next(iter(run.values())).limit,
        ONE_PERSON if len(set(speakers)) == 1 else "",
        ONE_SEED if len(run) == 1 else "",
    ]
    numbers = {
        "draws": affordable, "clips": int(max((row.has_C & pool).sum() for row in run.values())), "seeds": len(run),
        "value": float(np.mean(values)), "mean": float(np.nanmean(drawn)), "sd": sd, "sd_unpaired": unpaired(sd),
        "sd_seeds": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "reason": "; ".join(filter(None, notes)),
    }  # fmt: skip
    if base is not None and base is not run:
        differences = [difference(*pair, counts) for pair in _paired(run, base)]
        paired = wider * deviation(differences)
        numbers |= {"difference": float(np.nanmean(differences)), "sd_paired": paired}
        numbers |= {"shows_paired": SHOWN * paired, "finds_paired": FOUND * paired}
    return numbers | {"shows_unpaired": SHOWN * unpaired(sd), "finds_unpaired": FOUND * unpaired(sd)}


def difference(row: Row, rival: Row, counts: np.ndarray) -> np.ndarray:
    """(B,) values of a row less those of another, over the drawn clips that both have."""
    both = row.has_C & rival.has_C
    return row.over(counts, both) - rival.over(counts, both)


def deviation(samples: list[np.ndarray]) -> float:
    """Root of the mean variance of some (B,) samples, NaN left out; NaN where no two are left."""
    known = [sample[np.isfinite(sample)] for sample in samples]
    variances = [np.var(sample, ddof=1) for sample in known if len(sample) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else np.nan


def _paired(run: Rows, base: Rows) -> list[tuple[Row, Row]]:
    """The seeds that both have; their first ones where they share none, as for a method that is not trained here."""
    shared = sorted({*run} & {*base})
    return [(run[seed], base[seed]) for seed in shared] or [(run[min(run)], base[min(base)])]
