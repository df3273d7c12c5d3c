"""One look at a video at one rate, a few frames at a time, for either view or both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from eadnet.faces.alignment import warp_frame
from eadnet.faces.detectors.interface import Detector
from eadnet.faces.mesh import POINTS
from eadnet.faces.search import frames_seen
from eadnet.faces.video import VideoFace, find_faces
from eadnet.media.reading import iterate_video
from metrics.measuring.extractors import Extractor
from metrics.measuring.footage import Footage, scaled
from metrics.measuring.spool import Spool

CHUNK = 32  # frames that are held at once


@dataclass
class Aligned:
    """The view in the true clip's frames: where crops and landmarks go, and what else is taken."""

    crops: Spool
    resolution: int
    extractors: Sequence[Extractor]
    frames: int = 0
    faces: int = 0


@dataclass
class Pass:
    """Frames of a video at a rate.

    `key` is where its own landmarks go; where own and aligned frames are the same, both views share them. A video is
    searched for its face once (``eadnet.faces.video``), and decoded once more for whoever looks at its frames. `face`
    is what was found, in the video's own pixels, once it has run.
    """

    footage: Footage
    rate: Fraction
    key: str
    landmarks: Spool
    extractors: Sequence[Extractor]
    aligned: Aligned | None = None
    face: VideoFace = field(default_factory=lambda: VideoFace(np.empty((0, POINTS, 2), np.float32), ()))

    @property
    def points(self) -> np.ndarray:
        """(T, 478, 2) float32 landmarks in the video's own pixels; NaN where no face is."""
        return self.face.landmarks

    @property
    def frames(self) -> int:
        """T."""
        return len(self.points)

    @property
    def faces(self) -> int:
        """In how many of them the face was found."""
        return int(self.face.seen.sum())

    def run(self, detector: Detector) -> None:
        """Find the face in the whole video, and show its frames to the extractors.

        Raises:
            MediaError: it holds no frame, or is damaged on the way.
        """
        self.face = find_faces(self.footage.path, detector, self.rate)
        self.landmarks.append(self.key, self.points)
        first = 0
        for frames in chunked(self.again() if self.extractors or self.aligned else iter(())):
            self._digest(frames, self.points[first : first + len(frames)])
            first += len(frames)

    def again(self) -> Iterator[np.ndarray]:
        """Its own frames once more."""
        return iterate_video(self.footage.path, self.rate)

    def _digest(self, frames: list[np.ndarray], points: np.ndarray) -> None:
        if self.extractors:
            pictures = np.stack(frames)
            for extractor in self.extractors:
                extractor.see(pictures, points)
        if self.aligned:
            self._align(frames, points)

    def _align(self, frames: list[np.ndarray], points: np.ndarray) -> None:
        """Crops by the true clip's transforms, of as many frames as it has."""
        view, clip = self.aligned, self.footage.clip
        frames = frames[: max(0, int(clip.row["n_frames"]) - view.frames)]
        if not frames:
            return
        points = points[: len(frames)]
        if not self.footage.same_size:
            height, width = frames[0].shape[:2]
            points = points * np.float32((self.footage.size[1] / width, self.footage.size[0] / height))
            frames = [scaled(frame, self.footage.size) for frame in frames]
            self.landmarks.append(clip.clip_id, points)
        transforms = clip.transforms[view.frames : view.frames + len(frames)]
        crops = [warp_frame(frame, matrix, view.resolution) for frame, matrix in zip(frames, transforms, strict=True)]
        view.crops.append(clip.clip_id, np.stack(crops))
        view.frames += len(frames)
        view.faces += int(frames_seen(points).sum())
        if view.extractors:
            pictures = np.stack(frames)
            for extractor in view.extractors:
                extractor.see(pictures, points)


def chunked(frames: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """The frames, `CHUNK` at a time."""
    held: list[np.ndarray] = []
    for frame in frames:
        held.append(frame)
        if len(held) == CHUNK:
            yield held
            held = []
    if held:
        yield held
