"""What Emotion-FAN sees in every frame: features of the face, cut from the whole frame as EAT's evaluation cuts it.

Reads ``self_relation-attention_61_84.3655``. Follows yuangan/evaluation_eat@e39b004: every frame of the video is stored
as a JPEG (code/face_alignment_code/_acc_test_video2frame.py), the face is cut as dlib's chip and stored as a JPEG again
(lib/face_align_cuda.py), and read as RGB in [0, 1] (emotionfan_basiccode/load.py). dlib's detectors and its five points
are replaced by the mesh, which sees all videos alike; frames in which it finds no face are left out, as there.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from eadnet.data.clips import Clip
from metrics.functional.face_chips import chip
from metrics.networks.emotion_fan import FEATURES, FILE
from metrics.scoring.settings import ScoringSettings

ASSET = "emotion-fan"


class Extractor:
    """Array ``emotion_fan``, (T, 512) float32; NaN where no face is."""

    VIEW, RATE = "own", None  # every frame of the file, as EAT's evaluation reads it

    def __init__(self, settings: ScoringSettings) -> None:
        """Open the network.

        Raises:
            metrics.scoring.settings.WeightsAbsent: it is not here.
            ValueError: the file does not hold it.
        """
        from metrics.networks.emotion_fan import load_emotion_fan

        self._network = load_emotion_fan(settings.weights(ASSET) / FILE)
        self._seen: list[np.ndarray] = []

    def begin(self, n_frames: int, clip: Clip) -> None:
        """A video starts."""
        self._seen = []

    def see(self, frames: np.ndarray, landmarks: np.ndarray) -> None:
        """Take features of the next frames, (n, H, W, 3) uint8, by their (n, 478, 2) landmarks."""
        import torch

        features = np.full((len(frames), FEATURES), np.nan, np.float32)
        shown = np.isfinite(landmarks).all((1, 2))
        if shown.any():
            faces = [
                as_jpeg(chip(as_jpeg(frame), points))
                for frame, points in zip(frames[shown], landmarks[shown], strict=True)
            ]
            images = torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).float() / 255
            with torch.inference_mode():
                features[shown] = self._network.frames(images).numpy()
        self._seen.append(features)

    def finish(self, again: Callable[[], Iterator[np.ndarray]], wave: np.ndarray) -> dict[str, np.ndarray]:
        """The video's array."""
        return {"emotion_fan": np.concatenate(self._seen)}


def as_jpeg(picture: np.ndarray) -> np.ndarray:
    """A (H, W, 3) uint8 RGB picture after it was stored as a JPEG of OpenCV's default quality, 95."""
    _, stored = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]))
    return np.ascontiguousarray(cv2.imdecode(stored, cv2.IMREAD_COLOR)[..., ::-1])
