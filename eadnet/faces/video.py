"""The face of a whole file, shot by shot: what generation, references and measured videos see of it.

Every shot is searched by itself (``eadnet.faces.search``), as preprocessing searches every piece, and is aligned by
itself: nothing is interpolated or smoothed across a cut, since the face behind it may be another one.

Shape legend: T frames of the video.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av
import numpy as np

from eadnet.config.preprocessing import Preprocess, Template
from eadnet.faces.alignment import align
from eadnet.faces.detectors.interface import Detector
from eadnet.faces.mesh import POINTS
from eadnet.faces.search import FaceSearch, frames_seen, video_view
from eadnet.media.decoding import HELD_PIXELS, MediaError, Source, held_frames
from eadnet.media.reading import probe
from eadnet.media.shots import Shot, find_shots

SHOT_THRESHOLD = Preprocess().shot_threshold
JUMP = 0.4
"""Of the face's height: it moves less from frame to frame (2 m/s); more is a cut that was not found."""
GROWTH = 1.5
"""Ratio of the face's heights in neighbouring frames, likewise."""

Watch = Callable[[int], None]
"""Called with the number of frames in which a face has been searched so far; a closer look goes back."""


@dataclass(frozen=True)
class VideoFace:
    """The faces of a video, one in each shot that shows any.

    Attributes:
        landmarks: (T, 478, 2) float32 in pixels of the picture, NaN where no face was found, and inside a transition.
        shots: in their order; frames between two of them belong to a fade or dissolve.
    """

    landmarks: np.ndarray
    shots: Sequence[Shot]

    @property
    def seen(self) -> np.ndarray:
        """(T,) bool: the frames that show a face."""
        return frames_seen(self.landmarks)

    def transforms(self, resolution: int, smoothing: float, template: Template = "eyes") -> np.ndarray:
        """(T, 2, 3) float32 from picture to crop pixels; those of the nearest frame where a shot shows no face.

        Raises:
            ValueError: no frame has a face to align.
        """
        found = np.full((len(self.landmarks), 2, 3), np.nan, np.float32)
        for shot in self.shots:
            within = self.landmarks[shot.first : shot.end]
            if frames_seen(within).any():
                found[shot.first : shot.end] = align(within, resolution, smoothing, template)
        there = np.flatnonzero(np.isfinite(found[:, 0, 0]))
        if not len(there):
            raise ValueError("no frame has a face to align")
        return found if len(there) == len(found) else found[_nearest(there, len(found))]


def _nearest(places: np.ndarray, count: int) -> np.ndarray:
    """(count,) the nearest of some rising places to each of 0 ... count - 1."""
    middles = (places[1:] + places[:-1]) / 2
    return places[np.searchsorted(middles, np.arange(count))]


def find_faces(
    source: Source,
    detector: Detector,
    fps: int | Fraction = 25,
    frames: int | None = None,
    shot_threshold: float = SHOT_THRESHOLD,
    watch: Watch | None = None,
) -> VideoFace:
    """The main face in every shot of a file.

    Args:
        source: path or seekable binary file.
        detector: finds the faces of single frames.
        fps: frames per second at which it is read.
        frames: T at most; None reads to the end.
        shot_threshold: as in `eadnet.media.shots.ShotFinder`; 0 makes one shot of everything.
        watch: follows the search.

    Raises:
        MediaError: unreadable, without a picture, or without a frame.
    """
    info = probe(source)
    count, shots = _shots(source, fps, frames, shot_threshold)
    if not count:
        raise MediaError("no video frame; copy the file again", "truncated")
    landmarks = np.full((count, POINTS, 2), np.nan, np.float32)
    for shot in shots:
        length = shot.end - shot.first
        whole = length == count and frames is None  # to the end, whatever its last frames' times are
        view = video_view(source, fps) if whole else video_view(source, fps, float(shot.first / fps), length / fps)
        search = FaceSearch(
            view, (info.width, info.height), length, float(length / fps), detector, watch=_watched(watch, shot.first)
        )
        found = search.find().in_picture
        if len(found) < length:
            raise MediaError(
                f"frames {shot.first} to {shot.end - 1} cannot be read again; convert the video to H.264", "truncated"
            )
        landmarks[shot.first : shot.end] = found[:length]
    return VideoFace(landmarks, parted_at_jumps(shots, landmarks))


def parted_at_jumps(shots: Sequence[Shot], landmarks: np.ndarray) -> list[Shot]:
    """The shots, parted where the face is suddenly elsewhere or of another size, as at a cut that was not found.

    A cut between similar pictures, or close behind another cut, is found in no change of the picture.

    Args:
        shots: of the video.
        landmarks: (T, 478, 2) source pixels, NaN where no face was found.
    """
    parts = []
    for shot in shots:
        places = shot.first + np.flatnonzero(frames_seen(landmarks[shot.first : shot.end]))
        points = landmarks[places]
        centres, heights = points.mean(axis=1), np.ptp(points[..., 1], axis=1)
        moved = np.linalg.norm(np.diff(centres, axis=0), axis=1)
        larger, smaller = np.maximum(heights[1:], heights[:-1]), np.minimum(heights[1:], heights[:-1])
        begun = places[1:][(moved > JUMP * larger) | (larger > GROWTH * smaller)].tolist()
        bounds = [shot.first, *begun, shot.end]
        parts += [Shot(first, end) for first, end in zip(bounds[:-1], bounds[1:], strict=True)]
    return parts


def _shots(source: Source, fps: int | Fraction, frames: int | None, threshold: float) -> tuple[int, list[Shot]]:
    """The number of frames, and the shots in them; found in the same pictures as in preprocessing."""
    count = 0

    def counted() -> Iterator[av.VideoFrame]:
        nonlocal count
        for frame in islice(held_frames(source, fps, 0.0, HELD_PIXELS), frames):
            count += 1
            yield frame

    shots = find_shots(counted(), threshold, fps)
    return count, shots


def _watched(watch: Watch | None, first: int) -> Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]]:
    """Passes frames on, from number `first` on, and says how many of the video have gone by."""

    def passing(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for number, frame in enumerate(frames, first + 1):
            if watch:
                watch(number)
            yield frame

    return passing
