"""What is measured of a clip before it is judged."""

import numpy as np
from skimage.measure import blur_effect

from eadnet.faces.landmarks import interocular
from eadnet.preprocessing.framing import Framed

FACE_SIDE = 2.5  # height of a face in inter-ocular distances


def face_size(framed: Framed) -> float | None:
    """Median height of the face in source pixels; None where no frame shows it."""
    distances = interocular(framed.landmarks)
    return FACE_SIDE * float(np.nanmedian(distances)) * framed.zoom if np.isfinite(distances).any() else None


def three_frames(seen: np.ndarray) -> np.ndarray:
    """(3,) the first, middle and last of the frames that show the face, from (T,) bool."""
    places = np.flatnonzero(seen)
    return places[[0, len(places) // 2, -1]]


def blur(crops: np.ndarray) -> float:
    """Mean blur of (N, S, S, 3) crops, 0 sharp to 1 (Crete et al. 2007, by scikit-image)."""
    return float(np.mean([blur_effect(crop, channel_axis=-1) for crop in crops]))


def loudness(audio: np.ndarray, sample_rate: int) -> float:
    """Root mean square of the loudest 100 ms of an int16 wave, in dBFS; -120 for digital silence."""
    block = sample_rate // 10
    blocks = audio[: len(audio) // block * block].reshape(-1, block).astype(np.float64) / 32768
    return 10 * float(np.log10((blocks**2).mean(axis=1).max(initial=0) + 1e-12))
