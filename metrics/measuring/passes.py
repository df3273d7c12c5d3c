"""One decoding of a video at one rate, a few frames at a time, for either view or both."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from eadnet.faces.alignment import warp_frame
from eadnet.faces.mesh import opened_mesh
from eadnet.media.decoding import MediaError
from eadnet.media.reading import iterate_video
from metrics.measuring.extractors import Extractor
from metrics.measuring.footage import Footage, scaled
from metrics.measuring.spool import Spool

CHUNK = 32  # frames that are held at once

Look = Callable[[np.ndarray], np.ndarray]


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

    `key` is where its own landmarks go; where own and aligned frames are the same, both views share them, and each
    frame is searched for a face once. `points` are kept where own crops may be cut of them.
    """

    footage: Footage
    rate: Fraction
    key: str
    landmarks: Spool
    extractors: Sequence[Extractor]
    aligned: Aligned | None = None
    frames: int = 0
    faces: int = 0
    points: list[np.ndarray] = field(default_factory=list)

    def run(self) -> None:
        """Decode the whole video.

        Raises:
            MediaError: it holds no frame, or is damaged on the way.
        """
        with ExitStack() as stack:
            look = stack.enter_context(opened_mesh())
            shared = self.aligned is None or self.footage.same_size
            look_aligned = look if shared else stack.enter_context(opened_mesh())
            for frames in chunked(iterate_video(self.footage.path, self.rate)):
                self._digest(frames, look, look_aligned)
        if not self.frames:
            raise MediaError("no video frame; make the video again", "truncated")

    def again(self) -> Iterator[np.ndarray]:
        """Its own frames once more."""
        return iterate_video(self.footage.path, self.rate)

    def _digest(self, frames: list[np.ndarray], look: Look, look_aligned: Look) -> None:
        points = np.stack([look(frame) for frame in frames])
        self.landmarks.append(self.key, points)
        self.points.append(points)
        self.frames += len(frames)
        self.faces += count_faces(points)
        if self.extractors:
            pictures = np.stack(frames)
            for extractor in self.extractors:
                extractor.see(pictures, points)
        if self.aligned:
            self._align(frames, points, look_aligned)

    def _align(self, frames: list[np.ndarray], points: np.ndarray, look: Look) -> None:
        """Crops by the true clip's transforms, of as many frames as it has."""
        view, clip = self.aligned, self.footage.clip
        frames = frames[: max(0, int(clip.row["n_frames"]) - view.frames)]
        if not frames:
            return
        if self.footage.same_size:
            points = points[: len(frames)]
        else:
            frames = [scaled(frame, self.footage.size) for frame in frames]
            points = np.stack([look(frame) for frame in frames])
            self.landmarks.append(clip.clip_id, points)
        transforms = clip.transforms[view.frames : view.frames + len(frames)]
        crops = [warp_frame(frame, matrix, view.resolution) for frame, matrix in zip(frames, transforms, strict=True)]
        view.crops.append(clip.clip_id, np.stack(crops))
        view.frames += len(frames)
        view.faces += count_faces(points)
        if view.extractors:
            pictures = np.stack(frames)
            for extractor in view.extractors:
                extractor.see(pictures, points)


def count_faces(points: np.ndarray) -> int:
    """In how many of (n, 478, 2) landmarks a face was found."""
    return int(np.isfinite(points[:, 0, 0]).sum())


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
