"""The face that a generated video shows: frames of a video or a picture of any size, and where the face is in them.

A video that is shorter than the sound runs forth and back, as LatentSync's does (2412.09262, ``lipsync_pipeline.py``,
``loop_video``); a picture is held. Frames are decoded whenever they are needed, never kept: a video is read once to
find the face, once to cut it out and once to paste it back.

Shape legend: N frames of the video, T of what is generated, H, W picture, S crop side.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from eadnet.config.preprocessing import Template
from eadnet.faces import alignment
from eadnet.faces.detectors import opened_detector
from eadnet.faces.landmarks import restful_frame
from eadnet.faces.mesh import detect_landmarks
from eadnet.faces.tracking import find_window
from eadnet.media.decoding import MediaError, Window
from eadnet.media.pictures import Picture, read_picture
from eadnet.media.reading import iterate_video, probe

FPS = 25
BACKWARDS = 32
"""Frames that are decoded together where a video runs backwards."""
SAMPLED = 12
"""Frames in which a face is searched to find out how near it is."""
SAMPLE_HEIGHT = 512

Read = Callable[[int, int], Iterator[np.ndarray]]
Watch = Callable[[Iterator[np.ndarray], int], Iterator[np.ndarray]]
"""Passes frames on and shows how many of so many have gone by."""


class SourceVideo:
    """Frames with a face, as long as is wanted.

    Args:
        name: of the file, for messages.
        read: gives frames low ... high - 1, (H, W, 3) uint8, H and W even.
        landmarks: (N, 478, 2) in pixels of those frames, NaN where no face was found.
        resolution: S.
        smoothing: of the alignment over time, in frames.

    Attributes:
        notes: what was done to the picture when it was read, in clauses.

    Raises:
        MediaError: no frame has a face.
    """

    notes: tuple[str, ...] = ()

    def __init__(
        self, name: str, read: Read, landmarks: np.ndarray, resolution: int, smoothing: float, template: Template
    ) -> None:
        if not np.isfinite(landmarks[:, 0, 0]).any():
            raise MediaError(f"{name}: no face found; give a picture or video of one face seen from the front")
        self.name, self.resolution, self._read = name, resolution, read
        self.length = len(landmarks)
        self.transforms = alignment.align(landmarks, resolution, smoothing, template)
        self.reference_position = restful_frame(landmarks)

    def positions(self, first: int, last: int) -> np.ndarray:
        """(last - first,) frames of the video that stand at first ... last - 1: forth, back, forth ..."""
        lap, place = np.divmod(np.arange(first, last), self.length)
        return np.where(lap % 2, self.length - 1 - place, place)

    def frames(self, first: int, last: int) -> Iterator[np.ndarray]:
        """Frames (H, W, 3) uint8 that stand at first ... last - 1."""
        while first < last:
            lap, place = divmod(first, self.length)
            count = min(last - first, self.length - place)
            if lap % 2:
                count, end = min(count, BACKWARDS), self.length - place
                yield from reversed(list(self._exactly(end - count, end)))
            else:
                yield from self._exactly(place, place + count)
            first += count

    def crops(self, first: int, last: int) -> np.ndarray:
        """Aligned crops that stand at first ... last - 1, (last - first, S, S, 3) uint8; of a picture, one for all."""
        last = min(last, first + 1) if self.length == 1 else last
        transforms = self.transforms[self.positions(first, last)]
        return alignment.warp(self.frames(first, last), transforms, self.resolution)

    def reference(self) -> np.ndarray:
        """(S, S, 3) uint8 crop of the most restful frame."""
        place = self.reference_position
        return alignment.warp(self._exactly(place, place + 1), self.transforms[[place]], self.resolution)[0]

    def _exactly(self, low: int, high: int) -> Iterator[np.ndarray]:
        """Frames low ... high - 1 of the video itself."""
        count = 0
        try:
            for frame in self._read(low, high):
                count += 1
                yield frame
        except MediaError as error:
            raise MediaError(f"{self.name}: {error}") from None
        if count < high - low:
            raise MediaError(f"{self.name}: frames {low} to {high} cannot be read again; convert the video to H.264")


def open_picture(picture: Picture, resolution: int, template: Template = "eyes") -> SourceVideo:
    """A picture as footage of one frame.

    Args:
        picture: path, PIL image or (H, W, 3) uint8 array, of any size.
        resolution: S.
        template: where the face lies in the crop.

    Raises:
        MediaError: unreadable, or without a face.
    """
    name, notes = str(picture) if isinstance(picture, str | Path) else "the image", list[str]()
    try:
        pixels = _even(read_picture(picture, notes))
    except MediaError as error:
        raise MediaError(f"{name}: {error}") from None
    landmarks = _look([pixels], pixels.shape)
    footage = SourceVideo(name, lambda low, high: iter([pixels] * (high - low)), landmarks, resolution, 0, template)
    footage.notes = tuple(notes)
    return footage


def open_video(
    path: str | Path,
    frames: int,
    resolution: int,
    smoothing: float,
    template: Template = "eyes",
    watch: Watch | None = None,
) -> SourceVideo:
    """The first `frames` frames of a video (fewer where it is shorter), at 25 per second.

    Args:
        path: of a video of any size and rate.
        frames: T that are wanted at most.
        resolution: S.
        smoothing: of the alignment over time, in frames.
        template: where the face lies in the crop.
        watch: passes on the frames in which the face is being found.

    Raises:
        MediaError: unreadable, without a picture or without a face.
    """
    try:
        info = probe(path)
        whole = Window(0, 0, info.width // 2 * 2, info.height // 2 * 2)
        window = _face_window(path, min(info.seconds, frames / FPS), whole)
        near = islice(iterate_video(path, FPS, window=window), frames)
        landmarks = detect_landmarks(watch(near, frames) if watch else near)
        zoom = window.width / window.size[0]
        landmarks = landmarks * np.float32(zoom) + np.float32((window.x, window.y))
    except MediaError as error:
        raise MediaError(f"{path}: {error}") from None
    return SourceVideo(str(path), partial(_decoded, path, whole), landmarks, resolution, smoothing, template)


def _decoded(path: str | Path, window: Window, low: int, high: int) -> Iterator[np.ndarray]:
    return iterate_video(path, FPS, low / FPS, (high - low) / FPS, window)


def _face_window(path: str | Path, seconds: float, whole: Window) -> Window:
    """A square around the face, in which its landmarks are found; all of the picture where none is seen."""
    shrunk = Window(0, 0, whole.width, whole.height, min(whole.height, SAMPLE_HEIGHT) // 2 * 2)
    instants = np.arange(SAMPLED) * seconds / SAMPLED
    looks = (next(iterate_video(path, FPS, instant, window=shrunk), None) for instant in instants)
    seen = (frame for frame in looks if frame is not None)
    with opened_detector("mediapipe") as detector:
        return find_window(seen, detector, whole.height / shrunk.size[1], SAMPLE_HEIGHT) or shrunk


def _look(pictures: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """(1, 478, 2) landmarks of a picture, found close to the face where it is small."""
    with opened_detector("mediapipe") as detector:
        window = find_window(pictures, detector, max_height=max(shape)) or Window(0, 0, shape[1], shape[0])
    rows, columns = slice(window.y, window.y + window.height), slice(window.x, window.x + window.width)
    found = detect_landmarks([picture[rows, columns] for picture in pictures])
    return found + np.float32((window.x, window.y))


def _even(pixels: np.ndarray) -> np.ndarray:
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[:height, :width])
