"""Where one camera shot ends and the next begins, in frames as they are decoded: cuts, fades and dissolves.

Cuts are found by PySceneDetect's adaptive detector: the score of a frame, its change in hue, saturation and brightness,
is compared with that of its neighbours (two on either side), so that a fast movement is no cut
(``scenedetect.detectors.AdaptiveDetector``; LatentSync uses it as well). Slow changes of picture are found by
``eadnet.media.transitions``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from eadnet.media.transitions import REACH, TransitionFinder

NEAR = 2  # frames from a transition within which a cut, or another transition, belongs to it
LOOK_AHEAD = REACH + NEAR  # frames until it is known what a frame belongs to
SEEN_HEIGHT = 144  # of the pictures that are compared


@dataclass(frozen=True)
class Shot:
    """Consecutive frames of one camera: `first`, and `end`, the one behind the last."""

    first: int
    end: int


@dataclass(frozen=True)
class Break:
    """Where a shot ends and the next one begins; frames `end` ... `begin` - 1 are inside a transition, in neither.

    Both are the same at a cut.
    """

    end: int
    begin: int


class ShotFinder:
    """Takes every frame of a video, and says where shots end."""

    def __init__(self, threshold: float, fps: float | Fraction) -> None:
        """`threshold` of change over that of the neighbours; 0 finds no break."""
        self.detector = AdaptiveDetector(adaptive_threshold=threshold) if threshold else None
        self.transitions = TransitionFinder()
        self.fps, self.count, self.settled = float(fps), 0, 0
        self.cuts, self.inside = set[int](), set[int]()
        self.left: int | None = None  # where the present transition has begun

    def push(self, frame: av.VideoFrame) -> list[Break]:
        """The breaks that are known with this frame; the next shot begins at most `LOOK_AHEAD` frames ago."""
        number, self.count = self.count, self.count + 1
        if self.detector is None:
            return []
        height = min(SEEN_HEIGHT, frame.height)
        width = max(1, round(frame.width * height / frame.height))
        small = frame.reformat(width, height, "bgr24", interpolation="FAST_BILINEAR").to_ndarray()
        self.cuts |= {cut.frame_num for cut in self.detector.process_frame(FrameTimecode(number, fps=self.fps), small)}
        self.inside |= self.transitions.push(small)
        return self._settle(self.count - LOOK_AHEAD)

    def finish(self) -> list[Break]:
        """The breaks that are left when the last frame is there."""
        breaks = self._settle(self.count) if self.detector else []
        return breaks if self.left is None else [*breaks, Break(self.left, self.count)]

    def _settle(self, end: int) -> list[Break]:
        """Decide about the frames before `end`."""
        breaks = []
        for number in range(self.settled, end):
            inside = self._is_inside(number)
            if inside and self.left is None:
                self.left = number
            elif not inside and self.left is not None:
                breaks.append(Break(self.left, number))
                self.left = None
            elif number in self.cuts and not inside:
                breaks.append(Break(number, number))
            self.settled = number + 1
        return breaks

    def _is_inside(self, number: int) -> bool:
        """Whether a frame is part of a transition, of the plain picture behind a fade, or between it and a cut."""
        soon = {number + ahead for ahead in range(1, NEAR + 1)}
        if number in self.inside or (number in self.cuts and soon & self.inside):
            return True
        if self.left is None:
            return False
        if self.transitions.is_plain(self.count - 1 - number):
            return True
        return number not in self.cuts and bool(soon & (self.inside | self.cuts))


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
