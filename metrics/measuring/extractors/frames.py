"""Squared error and SSIM of whole frames against the true ones, taken while the video is decoded.

The true video is decoded alongside, so that two frames are in memory and no more. A clip without a kept source (only
test clips have one) gets no arrays.
"""

from collections.abc import Callable, Iterator

import numpy as np

from eadnet.data.clips import Clip
from eadnet.media.reading import iterate_video
from metrics.functional.pixels import squared_error, ssim_map, ssim_mean
from metrics.scoring.settings import ScoringSettings


class Extractor:
    """Arrays ``frame_mse`` (8-bit values, all channels) and ``frame_ssim``, each (T,) float32."""

    VIEW = "aligned"

    def __init__(self, settings: ScoringSettings) -> None:
        """Nothing of the settings is needed."""

    def begin(self, n_frames: int, clip: Clip) -> None:
        """A video starts; open the true one at 25 fps, where there is one."""
        source = clip.row["source"]
        self._truth = iterate_video(source) if isinstance(source, str) and source else None
        self._errors: list[float] = []
        self._similarities: list[float] = []

    def see(self, frames: np.ndarray, landmarks: np.ndarray) -> None:
        """Compare the next frames, (n, H, W, 3) uint8 in the true source's size.

        Raises:
            eadnet.media.reading.MediaError: the true video is unreadable.
        """
        if self._truth is None:
            return
        for frame, true in zip(frames, self._truth, strict=False):
            self._errors.append(float(squared_error(frame, true).sum(dtype=np.int64)) / frame.size)
            self._similarities.append(ssim_mean(ssim_map(frame, true)))

    def finish(self, again: Callable[[], Iterator[np.ndarray]], wave: np.ndarray) -> dict[str, np.ndarray]:
        """The video's arrays; none without a true video."""
        self._truth = None  # closes the file
        if not self._errors:
            return {}
        return {"frame_mse": np.float32(self._errors), "frame_ssim": np.float32(self._similarities)}
