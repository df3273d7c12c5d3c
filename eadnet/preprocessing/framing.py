"""Where in the picture of a piece the face is: what the face search finds, with annotated crops and large pictures."""

from dataclasses import dataclass, replace

import numpy as np

from eadnet.corpora.sources import CropBox
from eadnet.faces.detectors.interface import Detector
from eadnet.faces.search import MAX_HEIGHT, FaceSearch, frames_seen, share_found
from eadnet.media.decoding import Window
from eadnet.preprocessing.pieces import Piece


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
    def seen(self) -> np.ndarray:
        """(T,) bool: the frames that show the face."""
        return frames_seen(self.landmarks)

    def part(self, first: int, end: int, fps: int) -> "Framed":
        """Frames first ... end - 1."""
        return replace(self, piece=self.piece.part(first, end, fps), landmarks=self.landmarks[first:end])

    @property
    def detected(self) -> float:
        """Share of the frames in which the face was found."""
        return share_found(self.landmarks)


def frame_face(piece: Piece, detector: Detector) -> Framed:
    """Find the main face of a piece, follow it, and frame it.

    An annotated crop is kept; a picture whose crop is missing is cut to a square around the face; any other is seen as
    ``eadnet.faces.search`` sees it.
    """
    search = FaceSearch(
        piece.view, piece.size, len(piece.frames), piece.clip.seconds, detector,
        base=annotated_window(piece.clip.crop, piece.size, piece.info.height) if piece.clip.crop else None,
        wants_closer=piece.clip.wants_crop, fixed=piece.clip.crop is not None,
    )  # fmt: skip
    found = search.find()
    return Framed(piece, found.window, found.landmarks, search.second_face)


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


def _even(length: float) -> int:
    return max(2, int(length) // 2 * 2)
