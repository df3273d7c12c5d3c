"""Extractor ``blendshapes``: 52 expression coefficients of every frame by MediaPipe's FaceLandmarker.

Needs the published weights ``face-landmarker``. Each frame is measured on its own (image mode): video mode smooths over
time, so that a frame would depend on those before it, and a trembling face would look calmer than it is.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from eadnet.data.clips import Clip
from eadnet.faces.detectors.muted import muted
from metrics.scoring.settings import ScoringSettings

FILE = "face_landmarker.task"
SHAPES = 52


class Extractor:
    """Leaves `blendshapes`, (T, 52) float32 in [0, 1], NaN in frames without a face; order as FaceLandmarker's."""

    VIEW, RATE = "own", 25  # compared with the truth frame by frame

    def __init__(self, settings: ScoringSettings) -> None:
        """Load the network.

        Raises:
            metrics.scoring.settings.WeightsAbsent: its weights are not here.
        """
        from mediapipe.tasks.python import BaseOptions
        from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions

        path = settings.weights("face-landmarker") / FILE
        options = FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(path)), output_face_blendshapes=True
        )
        with muted():
            self._landmarker: Any = FaceLandmarker.create_from_options(options)
            self._look(np.zeros((64, 64, 3), np.uint8))  # its nodes open in threads of their own: wait for them
        self._found: list[np.ndarray] = []

    def begin(self, n_frames: int, clip: Clip | None = None) -> None:
        """A new video starts; neither its length nor its clip matter here."""
        self._found = []

    def see(self, frames: np.ndarray, landmarks: np.ndarray) -> None:
        """Measure the next (n, H, W, 3) uint8 frames; `landmarks` are not needed."""
        self._found += [self._look(frame) for frame in frames]

    def finish(self, again: Callable[[], Iterator[np.ndarray]], wave: np.ndarray) -> dict[str, np.ndarray]:
        """The coefficients of all frames seen."""
        found = np.stack(self._found) if self._found else np.empty((0, SHAPES), np.float32)
        self._found = []
        return {"blendshapes": found}

    def _look(self, frame: np.ndarray) -> np.ndarray:
        from mediapipe import Image, ImageFormat

        picture = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(frame))
        faces = self._landmarker.detect(picture).face_blendshapes
        return np.array([shape.score for shape in faces[0]] if faces else [np.nan] * SHAPES, np.float32)
