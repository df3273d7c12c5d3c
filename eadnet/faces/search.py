"""The one face search: where the main face of a video is, and its 478 points in every frame.

Preprocessing, generation, references and measured videos all search here, so that a file gives the same face wherever
it is read. A picture of at most `MAX_HEIGHT` rows is seen whole, and closer where the whole shows too few faces; a
larger one is seen through a square around the face, found in a few looks of the detector (at parts of the picture,
where the whole shows none). A frame without a face is not *seen*: transforms are interpolated over it
(``alignment.align``), but nothing may be taken from it or pasted into it.

Shape legend: T frames, H, W picture.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from eadnet.faces.detectors.interface import Detector, Face
from eadnet.faces.mesh import detect_landmarks
from eadnet.faces.tiles import detect_in_tiles
from eadnet.faces.tracking import Track, follow, window_around
from eadnet.media.decoding import Source, Window
from eadnet.media.reading import iterate_video

MAX_HEIGHT = 512  # of what the mesh sees; a larger picture is cut to a square around the face and scaled down
MIN_LOOKS = 12  # frames that the detector sees, and at least
LOOKS_PER_SECOND = 2
ENOUGH = 0.9  # share of frames with a face from which the whole picture is not searched more closely

View = Callable[[Window | None, Iterable[int] | None], Iterator[np.ndarray]]
"""Gives (H, W, 3) uint8 RGB of a window of all T frames, or of those numbered, in rising order."""


@dataclass(frozen=True)
class FoundFace:
    """The face of a video, in the frames of a window.

    Attributes:
        window: of the picture in which the points were found; None is the whole picture.
        landmarks: (T, 478, 2) float32 in pixels of the window's frames, NaN where no face was found.
    """

    window: Window | None
    landmarks: np.ndarray

    @property
    def seen(self) -> np.ndarray:
        """(T,) bool: the frames that show the face."""
        return frames_seen(self.landmarks)

    @property
    def share(self) -> float:
        """Share of the frames that show the face, 0 to 1."""
        return share_found(self.landmarks)

    @property
    def in_picture(self) -> np.ndarray:
        """(T, 478, 2) float32 in pixels of the whole picture."""
        if self.window is None:
            return self.landmarks
        zoom = self.window.height / self.window.size[1]
        return self.landmarks * np.float32(zoom) + np.float32((self.window.x, self.window.y))


@dataclass(frozen=True)
class FaceSearch:
    """A video in which the main face is searched.

    Attributes:
        view: gives its frames.
        size: width and height of the picture.
        count: T.
        seconds: that these frames last.
        detector: finds the faces of single frames.
        base: a window that stands for the picture, such as an annotated crop; None is all of it.
        wants_closer: whether to cut a small picture to a square around the face as well.
        fixed: whether `base` is kept whatever the detector finds.
        watch: passes on the frames in which the points are being found, for instance to count them.
    """

    view: View
    size: tuple[int, int]
    count: int
    seconds: float
    detector: Detector
    base: Window | None = None
    wants_closer: bool = False
    fixed: bool = False
    watch: Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]] = iter

    def find(self) -> FoundFace:
        """The face in every frame; without one, all landmarks are NaN."""
        base = self.base or whole_window(self.size)
        large = self.wants_closer or self.size[1] > MAX_HEIGHT
        window = (self.closer or base) if large and not self.fixed else base
        found = FoundFace(window, self._landmarks(window))
        if found.share >= ENOUGH or self.fixed or self.closer is None or window is self.closer:
            return found
        near = FoundFace(self.closer, self._landmarks(self.closer))
        return near if near.share > found.share else found

    @property
    def second_face(self) -> float:
        """Share of the looks that show another face of at least half the main one's height."""
        return self._looks[0].second_face

    @cached_property
    def closer(self) -> Window | None:
        """A square around the face; None where no look shows one."""
        track, shape = self._looks
        base = self.base or whole_window(self.size)
        return window_around(track, shape, base.height / shape[0] if base and shape[0] else 1.0, MAX_HEIGHT)

    @cached_property
    def _looks(self) -> tuple[Track, tuple[int, int]]:
        """The main face in a few frames, and their height and width."""
        window = self.base or whole_window(self.size)
        count = max(MIN_LOOKS, round(self.seconds * LOOKS_PER_SECOND))
        looks, shape = self._look(window, self.detector.detect, count)
        if window is None or not window.scaled_height or any(looks):
            return follow(looks), shape
        for fewer in sorted({MIN_LOOKS, count}):  # a small face may be lost where the picture is scaled down
            looks, shape = self._look(replace(window, scaled_height=0), self._in_tiles, fewer)
            if not any(looks):
                break
        return follow(looks), shape

    def _look(
        self, window: Window | None, detect: Callable[[np.ndarray], list[Face]], count: int
    ) -> tuple[list[list[Face]], tuple[int, int]]:
        """The faces of `count` frames, and the height and width of these."""
        moments = np.unique(np.linspace(0, self.count - 1, count).astype(int)).tolist()
        looks, shape = [], (0, 0)
        for frame in self.view(window, moments):
            looks.append(detect(frame))
            shape = frame.shape[:2]
        return looks, shape

    def _in_tiles(self, frame: np.ndarray) -> list[Face]:
        return detect_in_tiles(frame, self.detector)

    def _landmarks(self, window: Window | None) -> np.ndarray:
        return detect_landmarks(self.watch(self.view(window, None)))


def frames_seen(landmarks: np.ndarray) -> np.ndarray:
    """(T,) bool: in which frames of (T, 478, 2) landmarks the face is there."""
    return np.isfinite(landmarks[:, 0, 0])


def share_found(landmarks: np.ndarray) -> float:
    """Share of (T, 478, 2) landmarks that are there; 0 of none."""
    return float(frames_seen(landmarks).mean()) if len(landmarks) else 0.0


def stretches(seen: np.ndarray, max_gap: int) -> list[tuple[int, int]]:
    """Where the face is seen: first frame and the one behind the last, of every stretch.

    Args:
        seen: (T,) bool.
        max_gap: frames without a face that a stretch may bridge.
    """
    places = np.flatnonzero(seen)
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(places) > max_gap + 1)
    firsts, lasts = places[[0, *(breaks + 1)]], places[[*breaks, -1]]
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]


def unseen_seconds(seen: np.ndarray, fps: float = 25.0, start: float = 0.0) -> str:
    """The seconds in which no face is seen, such as "1.00-2.00 s, 4.52-4.60 s"; "" where there are none.

    Args:
        seen: (T,) bool.
        fps: frames per second.
        start: second at which the first frame stands.
    """
    spans = [(start + first / fps, start + last / fps) for first, last in stretches(~seen, 0)]
    return ", ".join(f"{first:.2f}-{last:.2f} s" for first, last in spans)


def whole_window(size: tuple[int, int]) -> Window | None:
    """All of a picture but for an odd last row or column, scaled down where it is large; None leaves it as it is."""
    width, height = size
    if height <= MAX_HEIGHT and not (width % 2 or height % 2):
        return None
    return Window(0, 0, max(2, width // 2 * 2), max(2, height // 2 * 2), MAX_HEIGHT if height > MAX_HEIGHT else 0)


def video_view(source: Source, fps: int | Fraction = 25, start: float = 0.0, seconds: float | None = None) -> View:
    """The view of a file, or of an interval of it, which is decoded anew each time."""

    def view(window: Window | None, frames: Iterable[int] | None) -> Iterator[np.ndarray]:
        decoded = iterate_video(source, fps, start, seconds, window)
        if frames is None:
            yield from decoded
            return
        wanted = set(frames)
        for number, frame in enumerate(decoded):
            if number in wanted:
                yield frame
            if number >= max(wanted, default=0):
                return

    return view
