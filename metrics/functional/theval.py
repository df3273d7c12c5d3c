"""THEval's measures of lips, brows, silence, lip-sync and head, as its code computes them.

Definitions are those of the code (package 0.1.0, commit cfe23fe), which differs from the paper in three of them: lip
dynamics divide by n instead of n - 1; brows are the change of a distance in the plane instead of the spread of a
vertical one; silent lips are measured about the mean instead of the median. Numpy only.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from metrics.functional.trajectories import LIPS, brow_heights

SIDE = 256  # pixels of a side of the square to which THEval squashes a frame
UPPER_LIP = (191, 80, 81, 82, 13, 312, 311, 310)  # paired in this order with the lower lip
LOWER_LIP = (95, 88, 178, 87, 14, 317, 402, 318)
EYE_CORNERS = (33, 263)
LEFT_CORNERS, RIGHT_CORNERS = (362, 263), (33, 133)
SILENCE = 0.3  # seconds; a shorter one is no silence
MIN_SPEECH = 0.1  # share of frames below which lip-sync is not measured
WINDOW = 0.05  # seconds, of the loudness
ALMOST_ZERO = 1e-9


def squashed(landmarks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(T, 478, 2) landmarks in pixels of the 256 x 256 square to which a frame of (height, width) is squashed."""
    height, width = size
    return landmarks.astype(np.float64) * (SIDE / width, SIDE / height)


def lip_dynamics(landmarks: np.ndarray) -> float:
    """Mean over the 780 distances between two of 40 lip points of their standard deviation over time (ddof 0).

    Args:
        landmarks: (T, 478, 2), none NaN.

    Returns:
        Value >= 0 in the landmarks' unit; 0 without a frame.
    """
    if not len(landmarks):
        return 0.0
    lips = landmarks[:, list(LIPS)].astype(np.float64)
    first, second = np.triu_indices(len(LIPS), 1)
    return float(np.linalg.norm(lips[:, first] - lips[:, second], axis=2).std(0).mean())


def eyebrow(landmarks: np.ndarray) -> float:
    """Mean absolute change from frame to frame of the distance between a brow's centre and its eye's, over both sides.

    Args:
        landmarks: (T, 478, 2) frames with a face; a change bridges those that were left out.

    Returns:
        Value >= 0 in distances of the eyes' centres; 0 where there are no two frames.
    """
    return (
        float(np.abs(np.diff(brow_heights(landmarks.astype(np.float64)), axis=0)).mean()) if len(landmarks) > 1 else 0.0
    )


def speech_frames(spans: Iterable[tuple[float, float]], fps: float, count: int) -> np.ndarray:
    """(count,) bool, the frames of speech: from the one in which a span (start, end) in seconds starts to its last."""
    speaks = np.zeros(count, bool)
    for start, end in spans:
        speaks[int(start * fps) : int(end * fps) + 1] = True
    return speaks


def silent_frames(speaks: np.ndarray, fps: float) -> np.ndarray:
    """(T,) bool, the frames without speech in runs of at least 0.3 s."""
    silent = np.zeros(len(speaks), bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], speaks, [True]]).astype(int)))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        silent[first:last] = last - first >= SILENCE * fps
    return silent


def silent_openings(landmarks: np.ndarray) -> np.ndarray:
    """(T,) mean height of eight pairs of inner lip points over the distance of the outer corners of the eyes."""
    heights = np.abs(landmarks[:, list(UPPER_LIP), 1] - landmarks[:, list(LOWER_LIP), 1])
    first, second = EYE_CORNERS
    return heights.mean(1) / np.linalg.norm(landmarks[:, second] - landmarks[:, first], axis=1)


def silent_stability(openings: np.ndarray) -> float:
    """Median distance of (T,) openings, T >= 2, from their mean."""
    return float(np.median(np.abs(openings - openings.mean())))


def loudness(wave: np.ndarray, rate: int, fps: float, count: int) -> np.ndarray:
    """(count,) root mean square of 50 ms, centred and without overlap, read linearly at each frame's start."""
    hop = int(WINDOW * rate)
    padded = np.pad(wave.astype(np.float64), hop // 2)
    windows = len(padded) // hop
    power = np.sqrt((padded[: windows * hop].reshape(windows, hop) ** 2).mean(1))
    return np.interp(np.arange(count) / fps, np.arange(windows) * hop / rate, power)


def mouth_openness(landmarks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(T,) mean height of the inner lips over the horizontal distance of the eyes, in frame heights and widths."""
    scaled = landmarks.astype(np.float64) / (size[1], size[0])
    heights = [scaled[:, list(lip), 1].mean(1) for lip in (UPPER_LIP, LOWER_LIP)]
    eyes = [scaled[:, list(corners), 0].mean(1) for corners in (LEFT_CORNERS, RIGHT_CORNERS)]
    return np.abs(heights[0] - heights[1]) / np.abs(eyes[0] - eyes[1])


def lip_sync(openness: np.ndarray, volume: np.ndarray) -> float:
    """Mean absolute difference of (T,) openness and volume, each brought to 0 to 1; a constant one counts as 0."""
    return float(np.abs(_spread(openness) - _spread(volume)).mean())


def head_rotation(angles: np.ndarray) -> float:
    """Mean spread of pitch, yaw and roll times the mean variance of their changes, the square of the rotation's part.

    Args:
        angles: (T, 3) degrees of the frames with a face, T >= 2.

    Returns:
        Value >= 0 in degrees^3 a frame^2.
    """
    return float(angles.std(0).mean() * np.diff(angles, axis=0).var(0).mean())


def head_translation(centres: np.ndarray) -> float:
    """Mean of the two variances of a (T, 2) place, the square of the translation's part."""
    return float(centres.var(0).mean())


def head_motion(angles: np.ndarray, centres: np.ndarray) -> float:
    """Root of both parts: ``head_rotation`` of (T, 3) degrees and ``head_translation`` of (T', 2) pixels."""
    return float(np.sqrt(head_rotation(angles) + head_translation(centres)))


def relative_score(
    means: Mapping[str, float], truth: Mapping[str, float], weights: Mapping[str, float] | None = None
) -> float:
    """Weighted mean over metrics of 1 - |m - t| / |t|, of means over a set of clips (THEval, eq. 12).

    Args:
        means: mean of each metric over the generated clips.
        truth: mean of each over the true clips; the same names.
        weights: of metrics, 1 where not named.

    Returns:
        At most 1, and not cut at 0.

    Raises:
        ValueError: there is no metric, or a true mean is 0.
    """
    zero = [name for name, value in truth.items() if abs(value) <= ALMOST_ZERO]
    if zero or not means:
        raise ValueError(f"the truth's mean of {zero[0]} is 0" if zero else "no metric has a mean")
    weights = weights or {}
    total = sum(weights.get(name, 1.0) for name in means)
    scores = {name: 1 - abs(value - truth[name]) / abs(truth[name]) for name, value in means.items()}
    return sum(weights.get(name, 1.0) * score for name, score in scores.items()) / total


def _spread(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros(len(values))
