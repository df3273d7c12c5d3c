"""Face detectors behind one interface: each detector gives the same tables.

A detector names the faces of one picture; ``tracking`` follows one of them through a clip; ``mesh`` finds the 478
points that every later stage reads. Reads the detectors' published weights, writes nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from eadnet.assets import AssetError

# Published weights (eadnet/assets.tsv) behind each detector; None: they come with the package.
WEIGHTS = {"mediapipe": None, "scrfd": "insightface-buffalo-l", "yunet": "yunet"}


@dataclass(frozen=True, eq=False)  # two faces are one only if they are the same object
class Face:
    """One face of a picture, in its pixels.

    `box` is (4,) float32 left, top, right, bottom, inside the picture; `points` is (5, 2) float32, which may lie
    outside: the eye on the left of the picture, the other eye, the nose, the mouth's left corner, the other corner.
    """

    box: np.ndarray
    score: float
    points: np.ndarray

    @property
    def height(self) -> float:
        """Of the box, in pixels."""
        return float(self.box[3] - self.box[1])

    @property
    def area(self) -> float:
        """Of the box, in pixels."""
        return float(np.prod(self.box[2:] - self.box[:2]))


class Detector(Protocol):
    """Finds faces."""

    def detect(self, frame: np.ndarray) -> list[Face]:
        """Faces of a (H, W, 3) uint8 RGB picture, the largest first."""
        ...

    def anchors(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(3, 2) float32 means of the brows and of the nose, for LatentSync's template (`eadnet.faces`).

        Args:
            frame: (H, W, 3) uint8 RGB.
            landmarks: (478, 2) MediaPipe points of the face in this frame.
        """
        ...


@contextmanager
def opened_detector(name: str, weights: Path | None = None) -> Iterator[Detector]:
    """The detector `name`; `weights` is the folder of its published files.

    Raises:
        AssetError: a file of the weights is absent or of another kind.
    """
    with _opener(name)(weights) as detector:
        yield detector


def sorted_faces(faces: list[Face], shape: tuple[int, ...]) -> list[Face]:
    """Faces clipped to a picture of `shape` (H, W, ...), the largest first; of equals, the leftmost."""
    edges = np.float32((shape[1], shape[0], shape[1], shape[0]))
    clipped = [replace(face, box=np.clip(face.box, 0, edges)) for face in faces]
    return sorted(clipped, key=lambda face: (-face.area, *map(float, face.box)))


def weight_file(weights: Path | None, detector: str, file: str) -> Path:
    """A file of a detector's published weights.

    Raises:
        AssetError: it is absent.
    """
    path = Path(weights or "") / file
    if weights is None or not path.is_file():
        fix = f"fetch it (python -m eadnet fetch-asset {WEIGHTS[detector]}) or set preprocess.detector to mediapipe"
        raise AssetError(f"{path}: absent, {detector} needs it; {fix}")
    return path


def _opener(name: str) -> Callable[[Path | None], AbstractContextManager[Detector]]:
    """Each backend brings its own heavy imports: only the chosen one is loaded."""
    if name == "mediapipe":
        from eadnet.faces.detectors.mediapipe import opened
    elif name == "scrfd":
        from eadnet.faces.detectors.scrfd import opened
    elif name == "yunet":
        from eadnet.faces.detectors.yunet import opened
    else:
        raise AssetError(f"unknown detector '{name}'; use {', '.join(WEIGHTS)}")
    return opened
