"""InsightFace: SCRFD finds faces, 2d106 their 106 points (Guo et al. 2021; LatentSync's detector).

The weights are InsightFace's, for non-commercial research: ``det_10g.onnx`` (or another ``det_*.onnx``) and, for
LatentSync's template, ``2d106det.onnx``. Nothing is downloaded here.
"""

import contextlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from eadnet.assets import AssetError
from eadnet.faces.detectors.interface import Face, sorted_faces, weight_file

SIZES = [(128, 128), (640, 640)]  # InsightFace's pair: the small one for faces that fill the picture
THRESHOLD = 0.5
LANDMARKS = "2d106det.onnx"
# Brows and nose among the 106 (LatentSync's affine_transform.py)
GROUPS = ((43, 48, 49, 51, 50), (101, 102, 103, 104, 105), (74, 77, 83, 86))


class SCRFDDetector:
    """Faces by SCRFD, anchors by 2d106."""

    def __init__(self, detector: Any, landmarks: Path) -> None:
        """Wrap a prepared detector; the landmark network is loaded at first use."""
        self.detector, self.path, self.network = detector, landmarks, None

    def detect(self, frame: np.ndarray) -> list[Face]:
        """Faces of a (H, W, 3) uint8 RGB picture, the largest first."""
        boxes, points = self.detector.detect(np.ascontiguousarray(frame[..., ::-1]))
        found = [Face(box[:4], float(box[4]), five) for box, five in zip(boxes, points, strict=True)]
        return sorted_faces(found, frame.shape)

    def anchors(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(3, 2) means of brows and nose among the 106 points of the face that the mesh lies on."""
        if self.network is None:
            self.network = insightface_network(
                weight_file(self.path.parent, "scrfd", self.path.name), "landmark_2d_106"
            )
        face = _Box(np.concatenate([np.nanmin(landmarks, axis=0), np.nanmax(landmarks, axis=0)]))
        points = self.network.get(np.ascontiguousarray(frame[..., ::-1]), face)
        return np.stack([points[list(group)].mean(axis=0) for group in GROUPS]).astype(np.float32)


@contextmanager
def opened(weights: Path | None, accelerated: bool = False) -> Iterator[SCRFDDetector]:
    """The detector, from the first ``det_*.onnx`` of the folder; on a GPU if `accelerated` and there is one.

    Raises:
        AssetError: no such file, or it is no SCRFD.
    """
    paths = sorted(Path(weights).glob("det_*.onnx")) if weights else []
    path = paths[0] if paths else weight_file(weights, "scrfd", "det_10g.onnx")
    detector = insightface_network(path, "detection", accelerated)
    detector.prepare(ctx_id=0 if accelerated else -1, input_size=SIZES, det_thresh=THRESHOLD)
    yield SCRFDDetector(detector, path.parent / LANDMARKS)


class _Box(dict):
    """What InsightFace's landmark networks ask of a face: its box, and a place for the result."""

    def __init__(self, bbox: np.ndarray) -> None:
        super().__init__()
        self.bbox = bbox


def insightface_network(path: Path, task: str, accelerated: bool = False) -> Any:
    """An InsightFace network, which the package recognises by its shapes; it prints, and must fetch nothing.

    Args:
        path: the ONNX file.
        task: `taskname` that the package must give it: detection, landmark_2d_106 or recognition.
        accelerated: whether to run where the package prefers to, on a GPU if onnxruntime sees one; else one CPU thread.

    Raises:
        AssetError: the file is no ONNX network, or one for another task.
    """
    import onnxruntime
    from insightface.model_zoo import model_zoo
    from insightface.model_zoo.onnxruntime_utils import get_default_providers

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    providers = get_default_providers() if accelerated else ["CPUExecutionProvider"]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            model = model_zoo.get_model(str(path), providers=providers, sess_options=options, download=False)
    except Exception as error:  # onnxruntime raises its own kinds, without a common parent but this
        raise AssetError(f"{path}: not readable as ONNX ({error}); fetch it again") from None
    if model is None or getattr(model, "taskname", None) != task:
        raise AssetError(f"{path}: is no InsightFace network for {task}; fetch it again")
    return model
