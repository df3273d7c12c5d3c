"""The face that a generated video shows: frames of a video or a picture of any size, and where the face is in them.

A video that is shorter than the sound runs forth and back, as LatentSync's does (2412.09262, ``lipsync_pipeline.py``,
``loop_video``): all of it, so that several shots come in reverse order on the way back. A picture is held. Each shot
has its own face search, alignment and reference; frames that show no face are never generated. Frames are decoded
whenever they are needed, never kept: a video is read once to find its shots, up to three times to find the face, once
to cut it out and once to paste it back.

Shape legend: N frames of the video, T of what is generated, H, W picture, S crop side.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from eadnet.config.preprocessing import Preprocess, Template
from eadnet.faces import alignment
from eadnet.faces.detectors import opened_detector
from eadnet.faces.search import FaceSearch, View
from eadnet.faces.video import SHOT_THRESHOLD, Watch, find_faces
from eadnet.inference.aligned_face import AlignedFace, Stretch
from eadnet.inference.footage_notes import footage_notes, footage_warnings
from eadnet.inference.paste_back import kept_colour
from eadnet.media.colour import Colour
from eadnet.media.decoding import MediaError, Window
from eadnet.media.pictures import Picture, read_picture
from eadnet.media.reading import iterate_video, probe
from eadnet.media.shots import Shot

FPS = 25
BACKWARDS = 32
"""Frames that are decoded together where a video runs backwards."""
MAX_GAP = Preprocess().max_gap

Read = Callable[[int, int], Iterator[np.ndarray]]


class SourceVideo:
    """Frames with a face, as long as is wanted.

    Args:
        name: of the file, for messages.
        read: gives frames low ... high - 1, (H, W, 3) uint8, H and W even.
        landmarks: (N, 478, 2) in pixels of those frames, NaN where no face was found.
        resolution: S.
        smoothing: of the alignment over time, in frames.
        template: where the face lies in the crop.
        shots: of the video; None is one shot of all frames.
        max_gap: frames without a face over which the alignment is interpolated; a longer gap parts two stretches.
        notes: clauses on the file itself.
        colour: in which a video made from this one is to be written; None is the usual one.

    Attributes:
        notes, warnings: clauses for the user, on the file, its shots and the seconds that are left as they are.

    Raises:
        MediaError: no frame has a face.
    """

    def __init__(
        self,
        name: str,
        read: Read,
        landmarks: np.ndarray,
        resolution: int,
        smoothing: float,
        template: Template,
        shots: Sequence[Shot] | None = None,
        max_gap: int = MAX_GAP,
        notes: tuple[str, ...] = (),
        colour: Colour | None = None,
    ) -> None:
        self.name, self.resolution, self._read, self.colour = name, resolution, read, colour
        self.length = len(landmarks)
        shots = [Shot(0, self.length)] if shots is None else shots
        self.face = AlignedFace(landmarks, shots, resolution, smoothing, template, max_gap)
        if not self.seen.any():
            raise MediaError(f"{name}: no face found; give a picture or video of one face seen from the front")
        self.notes = (*notes, *footage_notes(self.seen, shots, FPS))
        self.warnings = footage_warnings(self.seen)

    @property
    def seen(self) -> np.ndarray:
        """(N,) bool: the frames that show a face; the others stay as they are."""
        return self.face.seen

    @property
    def transforms(self) -> np.ndarray:
        """(N, 2, 3) float32 from source to crop pixels; NaN where nothing is generated."""
        return self.face.transforms

    def stretches(self, frames: int) -> list[Stretch]:
        """What is to be generated of so many frames, T: consecutive ones of one shot each."""
        return self.face.stretches(self.positions(0, frames))

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

    def reference(self, shot: int) -> np.ndarray:
        """(S, S, 3) uint8 crop of the most restful frame of a shot that shows a face."""
        place = self.face.rests[shot]
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
            raise MediaError(f"{self.name}: {_lost(low, high)}")


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
    height, width = pixels.shape[:2]
    with opened_detector("mediapipe") as detector:
        landmarks = FaceSearch(_picture_view(pixels), (width, height), 1, 1 / FPS, detector).find().in_picture
    read = lambda low, high: iter([pixels] * (high - low))  # noqa: E731
    return SourceVideo(name, read, landmarks, resolution, 0, template, notes=tuple(notes))


def open_video(
    path: str | Path,
    frames: int,
    resolution: int,
    smoothing: float,
    template: Template = "eyes",
    max_gap: int = MAX_GAP,
    shot_threshold: float = SHOT_THRESHOLD,
    watch: Watch | None = None,
) -> SourceVideo:
    """The first `frames` frames of a video (fewer where it is shorter), at 25 per second.

    Args:
        path: of a video of any size and rate.
        frames: T that are wanted at most.
        resolution: S.
        smoothing: of the alignment over time, in frames.
        template: where the face lies in the crop.
        max_gap: frames without a face over which the alignment is interpolated.
        shot_threshold: as in `eadnet.media.shots.ShotFinder`; 0 makes one shot of everything.
        watch: follows the search of the face.

    Raises:
        MediaError: unreadable, without a picture or without a face.
    """
    try:
        info = probe(path)
        with opened_detector("mediapipe") as detector:
            face = find_faces(path, detector, FPS, frames, shot_threshold, watch)
    except MediaError as error:
        raise MediaError(f"{path}: {error}") from None
    whole = Window(0, 0, info.width // 2 * 2, info.height // 2 * 2)
    read = partial(_decoded, path, whole)
    about = {
        "shots": face.shots,
        "max_gap": max_gap,
        "notes": info.notes,
        "colour": kept_colour(info),
    }
    return SourceVideo(str(path), read, face.landmarks, resolution, smoothing, template, **about)


def _lost(first: int, end: int) -> MediaError:
    return MediaError(f"frames {first} to {end - 1} cannot be read again; convert the video to H.264")


def _decoded(path: str | Path, window: Window, low: int, high: int) -> Iterator[np.ndarray]:
    return iterate_video(path, FPS, low / FPS, (high - low) / FPS, window)


def _picture_view(pixels: np.ndarray) -> View:
    """A picture, (H, W, 3) uint8, as a video of one frame."""

    def view(window: Window | None, frames: Iterable[int] | None) -> Iterator[np.ndarray]:
        if window is None:
            yield pixels
            return
        part = pixels[window.y : window.y + window.height, window.x : window.x + window.width]
        shrinks = window.scaled_height and window.scaled_height < window.height
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        yield cv2.resize(np.ascontiguousarray(part), window.size, interpolation=method)

    return view


def _even(pixels: np.ndarray) -> np.ndarray:
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[:height, :width])
