"""Small faces in large pictures: the detector looks at overlapping squares of a picture, one after another.

A detector scales what it sees down to a fixed size (MediaPipe's to 192 pixels), in which the face of a person far from
the camera is a few pixels wide. A square of half the picture's height shows it more than three times as large.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from eadnet.faces.detectors.interface import Detector, Face
from eadnet.faces.tracking import shared_area

SHARE = 0.5  # side of a square, of the picture's height; neighbours share at least half of it
SAME = 0.3  # overlap (intersection over union) from which two squares show one face


def detect_in_tiles(frame: np.ndarray, detector: Detector) -> list[Face]:
    """Faces of a (H, W, 3) uint8 RGB picture, each once, the largest first."""
    found: list[Face] = []
    seen = [face for square in tiles(*frame.shape[:2]) for face in _in_square(frame, detector, *square)]
    for face in sorted(seen, key=lambda face: -face.score):
        if all(shared_area(face.box, other.box) < SAME for other in found):
            found.append(face)
    return sorted(found, key=lambda face: -face.area)


def tiles(height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """Left, top and side of the squares that cover a picture of `height` and `width` pixels."""
    side = min(max(2, int(height * SHARE)), width)
    for top in _places(height, side):
        for left in _places(width, side):
            yield left, top, side


def _places(length: int, side: int) -> list[int]:
    """Starts of spans of `side` that cover `length`, each at least half over the next."""
    count = -(-2 * (length - side) // side) + 1
    return np.linspace(0, length - side, count).astype(int).tolist()


def _in_square(frame: np.ndarray, detector: Detector, left: int, top: int, side: int) -> Iterator[Face]:
    """Faces of one square, in pixels of the picture."""
    part = np.ascontiguousarray(frame[top : top + side, left : left + side])
    for face in detector.detect(part):
        yield replace(
            face, box=face.box + np.float32((left, top, left, top)), points=face.points + np.float32((left, top))
        )
