"""One face detector for both pipelines of ``syncnet_pipelines``, and the package's pipeline with it.

S3FD's weights are not here by default, and random ones find no faces; OpenCV's YuNet stands in for them, on whatever
pictures a pipeline shows it. Run by ``syncnet_pipelines`` as ``python -P one_detector.py PACKAGE JOB ANSWERS YUNET`` in
the environment of syncnet-python; PACKAGE is ``metrics/networks/syncnet_package.py``. Imports nothing of this project.
"""

import importlib.util
import sys
from typing import Any

import cv2
import numpy as np


class YuNet:
    """YuNet with the interfaces of both S3FDs, the package's (`detect_faces`) and ours (`detect_all`)."""

    def __init__(self, model: str) -> None:
        """Open the ONNX file of the network."""
        self.network = cv2.FaceDetectorYN.create(model, "", (320, 320), 0.7)

    def detect_faces(self, image: np.ndarray, conf_th: float = 0.0, scales: object = None) -> np.ndarray:
        """(n, 5) boxes and scores of a (H, W, 3) uint8 RGB picture, the best first."""
        self.network.setInputSize(image.shape[1::-1])
        _, found = self.network.detect(np.ascontiguousarray(image[..., ::-1]))
        if found is None:
            return np.empty((0, 5))
        found = found[np.argsort(-found[:, -1])]
        return np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4], found[:, -1:]], axis=1)

    def detect_all(self, frames: Any) -> list[np.ndarray]:
        """The boxes of several pictures."""
        return [self.detect_faces(frame) for frame in frames]


def main(package: str, job: str, answers: str, yunet: str) -> None:
    """Answer a job as ``syncnet_package`` does, with YuNet in S3FD's place."""
    spec = importlib.util.spec_from_file_location("syncnet_package", package)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answer = module.answer

    def with_yunet(pipeline: Any, video: str) -> dict[str, Any]:
        pipeline.s3fd = YuNet(yunet)
        return answer(pipeline, video)

    module.answer = with_yunet
    module.main(job, answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
