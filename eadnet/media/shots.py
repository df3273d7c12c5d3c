"""Where one camera shot ends and the next begins: PySceneDetect's adaptive detector on frames as they are decoded.

The score of a frame, its change in hue, saturation and brightness, is compared with that of its neighbours (two on
either side), so that a fast movement is no cut (``scenedetect.detectors.AdaptiveDetector``; LatentSync uses it as
well).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

LOOK_AHEAD = 2  # frames after a cut until it is known
SEEN_HEIGHT = 144  # of the pictures that are compared


@dataclass(frozen=True)
class Shot:
    """Consecutive frames of one camera: `first`, and `end`, the one behind the last."""

    first: int
    end: int


@dataclass(frozen=True)
class Break:
    """Where a shot ends and the next one begins; frames `end` ... `begin` - 1 belong to neither.

    Both are the same at a cut.
    """

    end: int
    begin: int


class ShotFinder:
    """Takes every frame of a video, and says where shots end."""

    def __init__(self, threshold: float, fps: float | Fraction) -> None:
        """`threshold` of change over that of the neighbours; 0 finds no break."""
        self.detector = AdaptiveDetector(adaptive_threshold=threshold) if threshold else None
        self.fps, self.count = float(fps), 0

    def push(self, frame: av.VideoFrame) -> list[Break]:
        """The breaks that are known with this frame; they end at most `LOOK_AHEAD` frames ago."""
        number, self.count = self.count, self.count + 1
        if self.detector is None:
            return []
        height = min(SEEN_HEIGHT, frame.height)
        width = max(1, round(frame.width * height / frame.height))
        small = frame.reformat(width, height, "bgr24", interpolation="FAST_BILINEAR").to_ndarray()
        cuts = self.detector.process_frame(FrameTimecode(number, fps=self.fps), small)
        return [Break(cut.frame_num, cut.frame_num) for cut in cuts]

    def finish(self) -> list[Break]:
        """The breaks that are left when the last frame is there."""
        return []


def find_shots(
    frames: Iterable[av.VideoFrame | np.ndarray], threshold: float, fps: float | Fraction = 25
) -> list[Shot]:
    """The shots of a whole video, in their order; frames inside a transition belong to none.

    Args:
        frames: all of it, decoded frames or (H, W, 3) uint8 RGB.
        threshold: as in `ShotFinder`; 0 makes one shot of everything.
        fps: frames per second.

    Returns:
        At least one shot where there are frames, unless all of them lie inside a transition.
    """
    finder, breaks = ShotFinder(threshold, fps), list[Break]()
    for frame in frames:
        breaks += finder.push(av.VideoFrame.from_ndarray(frame, "rgb24") if isinstance(frame, np.ndarray) else frame)
    breaks += finder.finish()
    firsts, ends = [0, *(gap.begin for gap in breaks)], [*(gap.end for gap in breaks), finder.count]
    return [Shot(first, end) for first, end in zip(firsts, ends, strict=True) if end > first]
