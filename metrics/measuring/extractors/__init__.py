"""What is taken from whole frames while a video is decoded: one module an extractor, with an `Extractor` class.

The arrays of a clip are stored under ``<clip_id>/<name>``; memory does not grow with the clip but for them. Versions
stand in ``metrics.spec.EXTRACTORS``.
"""

import importlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from eadnet.data.clips import Clip

if TYPE_CHECKING:
    from metrics.scoring.settings import ScoringSettings


class Extractor(Protocol):
    """Reads one video after another, frame by frame. Built with `ScoringSettings`; may raise `WeightsAbsent`."""

    def begin(self, n_frames: int, clip: Clip) -> None:
        """A video starts, of which `n_frames` frames are compared with `clip`."""

    def see(self, frames: np.ndarray, landmarks: np.ndarray) -> None:
        """The next frames, (n, H, W, 3) uint8 RGB in the true source's size, and their (n, 478, 2) landmarks."""

    def finish(self, again: Callable[[], Iterator[np.ndarray]], wave: np.ndarray) -> dict[str, np.ndarray]:
        """The video's arrays. `again()` gives its (H, W, 3) frames once more; `wave` is int16 at 16 kHz."""


def open_extractor(name: str, settings: "ScoringSettings") -> Extractor:
    """The extractor of that name.

    Raises:
        metrics.scoring.settings.WeightsAbsent: its published weights are not here.
    """
    return importlib.import_module(f"metrics.measuring.extractors.{name}").Extractor(settings)
