"""Where in the picture the face is: a steady window around it, and its 478 points in every frame."""

from dataclasses import dataclass

import numpy as np

from eadnet.corpora.sources import CropBox
from eadnet.faces.detectors.interface import Detector
from eadnet.faces.mesh import detect_landmarks
from eadnet.faces.tracking import Track, follow, window_around
from eadnet.media.decoding import Window
from eadnet.preprocessing.pieces import Piece

MAX_HEIGHT = 512  # of the kept source; a larger picture is cut to a square around the face and scaled down
MIN_LOOKS = 12  # frames that the detector sees, and at least
LOOKS_PER_SECOND = 2


@dataclass(frozen=True)
class Framed:
    """A piece seen through a window.

    `landmarks` are (T, 478, 2) pixels of the window's frames, NaN without a face; `zoom` is the number of source pixels
    per pixel of these frames; `second_face` is the share of looks with another face beside the followed one.
    """

    piece: Piece
    window: Window | None
    landmarks: np.ndarray
    second_face: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame."""
        return self.window.size if self.window else self.piece.size

    @property
    def zoom(self) -> float:
        """Source pixels per pixel."""
        return self.piece.zoom * (self.window.height / self.size[1] if self.window else 1.0)

    @property
    def detected(self) -> float:
        """Share of the frames in which the face was found."""
        return share_found(self.landmarks)


def frame_face(piece: Piece, detector: Detector, min_detected: float) -> Framed:
    """Find the main face of a piece, follow it, and frame it.

    An annotated crop is kept; a large picture, and one whose crop is missing, is cut to a square around the face; any
    other is seen whole, and closer where the whole shows too few faces.
    """
    base = _annotated(piece) if piece.clip.crop else _whole(piece)
    track, shape, zoom = _look(piece, base, detector)
    closer = None if piece.clip.crop else window_around(track, shape, zoom, MAX_HEIGHT)
    wants_closer = piece.clip.wants_crop or piece.size[1] > MAX_HEIGHT
    window = (closer or base) if wants_closer else base
    landmarks = detect_landmarks(piece.view(window))
    if share_found(landmarks) < min_detected and closer is not None and window is not closer:
        near = detect_landmarks(piece.view(closer))
        if share_found(near) > share_found(landmarks):
            window, landmarks = closer, near
    return Framed(piece, window, landmarks, track.second_face)


def share_found(landmarks: np.ndarray) -> float:
    """Share of (T, 478, 2) landmarks that are there."""
    return float(np.isfinite(landmarks[:, 0, 0]).mean()) if len(landmarks) else 0.0


def annotated_window(box: CropBox, size: tuple[int, int], height: int) -> Window:
    """An annotated square in a picture of `size`, moved and cut to lie inside it.

    Args:
        box: the annotation, in pixels of its own frame height (0: of the video).
        size: width and height of the picture that the window cuts.
        height: of the video as it is.
    """
    zoom = size[1] / (box.frame_height or height)
    width, tall = _even(min(box.width * zoom, size[0])), _even(min(box.height * zoom, size[1]))
    x = int(np.clip(round(box.x * zoom), 0, size[0] - width))
    y = int(np.clip(round(box.y * zoom), 0, size[1] - tall))
    return Window(x, y, width, tall, MAX_HEIGHT if tall > MAX_HEIGHT else 0)


def _annotated(piece: Piece) -> Window:
    return annotated_window(piece.clip.crop, piece.size, piece.info.height)


def _whole(piece: Piece) -> Window | None:
    """All of the picture but for an odd last row or column, scaled down where it is large; None leaves it as it is."""
    width, height = piece.size
    if height <= MAX_HEIGHT and not (width % 2 or height % 2):
        return None
    return Window(0, 0, _even(width), _even(height), MAX_HEIGHT if height > MAX_HEIGHT else 0)


def _look(piece: Piece, base: Window | None, detector: Detector) -> tuple[Track, tuple[int, int], float]:
    """The main face in a few frames, their height and width, and held pixels per pixel of theirs."""
    count = max(MIN_LOOKS, round(piece.clip.seconds * LOOKS_PER_SECOND))
    moments = np.unique(np.linspace(0, len(piece.frames) - 1, count).astype(int))
    looks, shape = [], (0, 0)
    for frame in piece.view(base, moments):
        looks.append(detector.detect(frame))
        shape = frame.shape[:2]
    return follow(looks), shape, (base.height / base.size[1] if base else 1.0)


def _even(length: float) -> int:
    return max(2, int(length) // 2 * 2)
