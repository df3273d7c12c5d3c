"""Where a video may be generated: in each shot, the stretches of frames that show the face, each aligned by itself.

Nothing is interpolated or smoothed across a cut, a fade or a long gap: the face behind it may be another one.

Shape legend: N frames of the video, n of one shot, T frames of what is generated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eadnet.config.preprocessing import Template
from eadnet.faces.alignment import align
from eadnet.faces.landmarks import restful_frame
from eadnet.faces.search import frames_seen, stretches
from eadnet.media.shots import Shot

NOWHERE = -1
"""Stands for a frame that belongs to no stretch."""


@dataclass(frozen=True)
class Stretch:
    """Frames `first` ... `end` - 1 of what is generated, all of shot number `shot` of the video."""

    first: int
    end: int
    shot: int


class AlignedFace:
    """The faces of a video, one in each shot that shows any.

    Args:
        landmarks: (N, 478, 2) source pixels, NaN where no face was found.
        shots: of the video; frames between them belong to a fade or dissolve, and are left out.
        resolution: S, side of the crop in pixels.
        smoothing: of the alignment over time, in frames.
        template: where the face lies in the crop.
        max_gap: frames without a face that a stretch may bridge.

    Attributes:
        seen: (N,) bool, the frames in which the face is there: nothing is pasted into the others.
        transforms: (N, 2, 3) float32, source to crop pixels; NaN outside the stretches.
        rests: number of the most restful frame of every shot with a face, by the shot's number.
    """

    def __init__(
        self,
        landmarks: np.ndarray,
        shots: Sequence[Shot],
        resolution: int,
        smoothing: float,
        template: Template,
        max_gap: int,
    ) -> None:
        self.seen = np.zeros(len(landmarks), bool)
        self.transforms = np.full((len(landmarks), 2, 3), np.nan, np.float32)
        self.rests: dict[int, int] = {}
        self._stretch = np.full(len(landmarks), NOWHERE)
        self._shot_of: list[int] = []
        for number, shot in enumerate(shots):
            within = landmarks[shot.first : shot.end]
            self.seen[shot.first : shot.end] = frames_seen(within)
            for first, end in stretches(frames_seen(within), max_gap):
                place = slice(shot.first + first, shot.first + end)
                self.transforms[place] = align(within[first:end], resolution, smoothing, template)
                self._stretch[place] = len(self._shot_of)
                self._shot_of.append(number)
            if frames_seen(within).any():
                self.rests[number] = shot.first + restful_frame(within)

    def stretches(self, positions: np.ndarray) -> list[Stretch]:
        """The stretches of what is generated; where the video turns inside one, both directions are one stretch.

        Args:
            positions: (T,) frame of the video that stands at each place.
        """
        numbers = self._stretch[positions]
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
        runs = [(first, end, numbers[first]) for first, end in zip(edges[:-1], edges[1:], strict=True)]
        return [Stretch(first, end, self._shot_of[number]) for first, end, number in runs if number != NOWHERE]
