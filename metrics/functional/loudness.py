"""How a path follows the loudness of sound at the best of some lags, and how it follows a shuffled one by chance."""

import numpy as np

from metrics.functional.theval import loudness

LAG = 6  # frames either way
PIECES = 20  # shifts of the shuffled sound
QUIETEST = 1e-4  # root mean square, -80 dB
LEAST = 40  # frames that both must have at a lag


def frame_levels(wave: np.ndarray, rate: int, fps: float, count: int) -> np.ndarray:
    """(count,) loudness in dB at each frame, root mean square of 50 ms and at least -80."""
    return 20 * np.log10(np.maximum(loudness(wave, rate, fps, count), QUIETEST))


def best_correlation(path: np.ndarray, levels: np.ndarray) -> float:
    """Greatest correlation of (T,) path and levels over lags of at most 6 frames; NaN where none exists.

    Frames in which the path is NaN are left out. A lag counts if 40 frames are left that vary.
    """
    found = [_correlation(*_lagged(path, levels, lag)) for lag in range(-LAG, LAG + 1)]
    known = [value for value in found if np.isfinite(value)]
    return max(known) if known else float("nan")


def shuffled_correlation(path: np.ndarray, levels: np.ndarray) -> float:
    """Mean of `best_correlation` with levels moved round the clip by 20 even steps, none of them within the lags."""
    steps = np.linspace(0, len(levels), PIECES + 2)[1:-1].round().astype(int)
    far = [step for step in steps if 2 * LAG < step < len(levels) - 2 * LAG]
    found = [best_correlation(path, np.roll(levels, step)) for step in far]
    return float(np.mean(found)) if found else float("nan")


def _lagged(path: np.ndarray, levels: np.ndarray, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """Frame i of the path beside frame i + lag of the levels."""
    count = len(path) - abs(lag)
    first, second = max(0, -lag), max(0, lag)
    return path[first : first + count], levels[second : second + count]


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    known = np.isfinite(first)
    first, second = first[known], second[known]
    if len(first) < LEAST or first.std() < 1e-9 or second.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
