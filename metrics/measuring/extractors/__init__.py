"""What is taken from whole frames while a video is decoded: one module an extractor, with an `Extractor` class.

The arrays of a clip are stored under ``<clip_id>/<name>``; memory does not grow with the clip but for them. Versions
stand in ``metrics.spec.EXTRACTORS``. A class states what it reads, as its published pipeline does:

- ``VIEW = "own"``: the video's own pixels and sound; ``"aligned"`` (the default): frames in the true source's size, as
  many as are compared, with the true sound;
- ``RATE = 25`` (the default): brought to that many frames a second; None: the video's own rate.
  The aligned view has 25.
"""

import importlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from eadnet.data.clips import Clip
from metrics.tables import FPS

if TYPE_CHECKING:
    from metrics.scoring.settings import ScoringSettings


class Extractor(Protocol):
    """Reads one video after another, frame by frame. Built with `ScoringSettings`; may raise `WeightsAbsent`."""

    def begin(self, n_frames: int, clip: Clip) -> None:
        """A video of `clip` starts; `n_frames` frames are compared with it, or (own view) are the most that come."""

    def see(self, frames: np.ndarray, landmarks: np.ndarray) -> None:
        """The next frames of the view, (n, H, W, 3) uint8 RGB, and their (n, 478, 2) landmarks."""

    def finish(self, again: Callable[[], Iterator[np.ndarray]], wave: np.ndarray) -> dict[str, np.ndarray]:
        """The video's arrays. `again()` gives its (H, W, 3) frames once more; `wave` is int16 at 16 kHz.

        An own `wave` is zeros where the video has no sound, and shorter than the picture where it ends earlier.
        """


def view_of(extractor: Extractor) -> str:
    """The view that an extractor reads: ``own`` or ``aligned``."""
    return getattr(extractor, "VIEW", "aligned")


def rate_of(extractor: Extractor) -> int | None:
    """Frames a second that an extractor of the own view reads; None for the video's own rate."""
    return getattr(extractor, "RATE", FPS)


def open_extractor(name: str, settings: "ScoringSettings") -> Extractor:
    """The extractor of that name.

    Raises:
        metrics.scoring.settings.WeightsAbsent: its published weights are not here.
    """
    return importlib.import_module(f"metrics.measuring.extractors.{name}").Extractor(settings)
