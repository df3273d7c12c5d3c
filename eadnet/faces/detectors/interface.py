"""What all face detectors share: the face that they return, their weights, and the fault when these are absent."""

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
