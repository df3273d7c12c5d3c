"""Dynamic time warping inside a band: how far two sequences lie apart when either may run a few frames early or late.

Hard and not soft: the soft minimum gives two equal sequences a negative distance that depends on its temperature and on
the length. Without a band, half a second of delay would cost less than half the amplitude.
"""

import numpy as np


def dtw_cost(first: np.ndarray, second: np.ndarray, radius: int) -> float:
    """Least sum of squared distances over monotone paths that stay within `radius` frames of the diagonal.

    The band is that of Sakoe & Chiba (IEEE TASSP 1978); steps are (1, 0), (0, 1) and (1, 1), all of weight 1.

    Args:
        first: (T, D).
        second: (T, D), of the same length.
        radius: frames, >= 0; 0 leaves the diagonal alone.

    Returns:
        The cost, >= 0: with radius 0 it is T times the mean squared distance of frames of one index.

    Raises:
        ValueError: the shapes differ, there is no frame, or the radius is negative.
    """
    if first.shape != second.shape or not len(first) or radius < 0:
        raise ValueError(f"sequences of {first.shape} and {second.shape} and radius {radius}: give two of one shape")
    costs = _band(first.astype(np.float64), second.astype(np.float64), radius)
    width = 2 * radius + 1
    before = [np.inf] * width  # of the previous row; entry k is the cell of column row - radius + k
    for row, cells in enumerate(costs.tolist()):
        present = [np.inf] * width
        for k, cost in enumerate(cells):
            if cost < np.inf:
                above = before[k + 1] if k + 1 < width else np.inf
                left = present[k - 1] if k else np.inf
                start = 0.0 if row == 0 and k == radius else np.inf
                present[k] = cost + min(start, before[k], above, left)
        before = present
    return float(before[radius])


def _band(first: np.ndarray, second: np.ndarray, radius: int) -> np.ndarray:
    """(T, 2 radius + 1) squared distance of frame i of one and frame i - radius + k of the other; inf outside."""
    length = len(first)
    costs = np.full((length, 2 * radius + 1), np.inf)
    for k in range(2 * radius + 1):
        shift = k - radius
        rows = np.arange(max(0, -shift), min(length, length - shift))
        costs[rows, k] = ((first[rows] - second[rows + shift]) ** 2).sum(1)
    return costs
