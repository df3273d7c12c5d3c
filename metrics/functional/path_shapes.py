"""Is a path over time that of one moving thing: outliers of single frames, spread, steps and memory. Numpy only.

Paths are (T,) or (T, d) in units of the face (``metrics.functional.trajectories``), NaN in frames without a face.
"""

import numpy as np

from metrics.functional.trajectories import path_correlation

STEP_LAGS = (1, 2, 4, 8)
LEAST_RATIO = 0.01
"""A ratio of steps below it counts as it, so that a path that never moves has a finite distance."""


def excursions(path: np.ndarray, reach: float) -> tuple[int, int]:
    """One-frame outliers: frames away from both neighbours, on the same side, by more than `reach`.

    Args:
        path: the path; of two numbers, the same side means an angle of less than 90 degrees.
        reach: distance in the path's unit.

    Returns:
        Outliers, and frames in the middle of three with a face, among which they were sought.
    """
    rows = path.reshape(len(path), -1)
    before, after = rows[1:-1] - rows[:-2], rows[1:-1] - rows[2:]
    seen = np.isfinite(before).all(1) & np.isfinite(after).all(1)
    before, after = before[seen], after[seen]
    nearest = np.minimum(np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1))
    return int(((nearest > reach) & ((before * after).sum(1) > 0)).sum()), int(seen.sum())


def spread(path: np.ndarray) -> float:
    """Root of the mean squared distance from the mean; of one number the standard deviation. No NaN."""
    rows = path.reshape(len(path), -1)
    return float(np.sqrt(rows.var(0).sum()))


def mean_step(path: np.ndarray, lag: int) -> float:
    """Mean distance of the places `lag` frames apart, both with a face; NaN where there is no such pair."""
    rows = path.reshape(len(path), -1)
    lengths = np.linalg.norm(rows[lag:] - rows[:-lag], axis=1)
    lengths = lengths[np.isfinite(lengths)]
    return float(lengths.mean()) if len(lengths) else float("nan")


def structure_distance(generated: np.ndarray, truth: np.ndarray) -> float:
    """How far apart the steps of two paths are at several lags: mean over them of ``|log(step / true step)|``.

    White noise steps too far at short lags, a smoothed path not far enough at long ones, so that no filter over time
    brings all lags right. Does not depend on when things happen.

    Args:
        generated: the path; ratios of its steps below `LEAST_RATIO` count as that.
        truth: the true path, of the same length.

    Returns:
        0 where all steps are as long as the true ones; NaN where a lag has no pair of frames, infinite where the
        true path never moves.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.array([mean_step(generated, lag) / np.float64(mean_step(truth, lag)) for lag in STEP_LAGS])
    return float(np.abs(np.log(np.maximum(ratios, LEAST_RATIO))).mean())


def autocorrelation(path: np.ndarray, lag: int) -> tuple[float, int]:
    """Correlation of a path with itself `lag` frames later, of the frames where both have a face.

    Returns:
        The correlation (of two numbers as ``path_correlation``), -1 to 1, and the number of pairs; NaN where there are
        fewer than two or where the path rests in either part.
    """
    rows = path.reshape(len(path), -1)
    first, second = rows[:-lag], rows[lag:]
    seen = np.isfinite(first).all(1) & np.isfinite(second).all(1)
    first, second = first[seen], second[seen]
    if seen.sum() < 2 or not first.std(0).any() or not second.std(0).any():
        return float("nan"), int(seen.sum())
    return path_correlation(first, second), int(seen.sum())
